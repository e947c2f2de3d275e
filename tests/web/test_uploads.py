"""The multipart reader: whole files whatever the chunks, bounded, broken forms refused."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from starlette.requests import ClientDisconnect

from her2bench.web.pace import BadUpload, Pace, admitted
from her2bench.web.uploads import Limits, Upload, shown_name, uploads

TYPE = "multipart/form-data; boundary=edge"


def form(*parts: tuple[str, bytes], end: bytes = b"--edge--\r\n") -> bytes:
    body = b""
    for name, data in parts:
        head = f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"'
        body += head.encode() + b"\r\nContent-Type: image/png\r\n\r\n" + data + b"\r\n"
    return body + end


def read(
    body: bytes, step: int = 65536, limits: Limits | None = None, kind: str = TYPE
) -> list[Upload]:
    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    async def all_of() -> list[Upload]:
        return [u async for u in uploads(aiter(stream()), kind, limits or Limits())]

    return asyncio.run(all_of())


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_files_are_whole_whatever_the_chunks(step):
    first, second = bytes(range(256)), b"--edg\r\n--edg x\r\n--" * 3
    found = read(form(("a.png", first), ("b.png", second)), step)
    assert found == [Upload("a.png", first), Upload("b.png", second)]


def test_an_empty_file_is_a_file():
    assert read(form(("a.png", b""))) == [Upload("a.png", b"")]


def test_a_file_beyond_the_limit_is_named_and_not_kept_and_the_next_one_is():
    found = read(form(("a", b"x" * 101), ("b", b"y" * 100)), 10, Limits(file_bytes=100))
    assert found[0].data == b"" and "larger than" in found[0].problem
    assert found[1] == Upload("b", b"y" * 100)


def test_files_beyond_the_number_are_named():
    found = read(form(*[(str(i), b"x") for i in range(5)]), limits=Limits(files=3))
    assert [u.problem != "" for u in found] == [False, False, False, True, True]


def test_more_bytes_than_allowed_in_all():
    with pytest.raises(BadUpload, match="More than") as refusal:
        read(form(("a", b"x" * 1000)), 50, Limits(total_bytes=500))
    assert refusal.value.status == 413


def test_fields_without_a_file_name_are_passed_over():
    body = b'--edge\r\nContent-Disposition: form-data; name="x"\r\n\r\nvalue\r\n' + form(
        ("a", b"1")
    )
    assert read(body) == [Upload("a", b"1")]


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data", "text/plain"])
def test_another_content_type_is_refused(kind):
    with pytest.raises(BadUpload, match="multipart") as refusal:
        read(form(("a", b"1")), kind=kind)
    assert refusal.value.status == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        form(("a", b"1"), end=b""),
        form(("a", b"1"))[:-40],
        b"--edge\r\nno header\r\n\r\n",
        b"--edge\r\n" + b"X-Long: " + b"x" * 10_000 + b"\r\n\r\n1\r\n--edge--\r\n",
        b"--edge\r\n" + b"X-Many: x\r\n" * 100 + b"\r\n1\r\n--edge--\r\n",
    ],
)
def test_a_form_that_is_broken_is_refused(body):
    with pytest.raises(BadUpload) as refusal:
        read(body)
    assert refusal.value.status == 400


def test_a_boundary_beyond_the_parsers_limit_is_refused():
    with pytest.raises(BadUpload) as refusal:
        read(b"x", kind="multipart/form-data; boundary=" + "x" * 5000)
    assert refusal.value.status == 400


def test_a_client_that_disconnects_is_no_internal_error():
    async def leaving() -> AsyncIterator[bytes]:
        yield form(("a", b"1"))[:30]
        raise ClientDisconnect

    async def wait() -> None:
        async for _ in uploads(aiter(leaving()), TYPE, Limits()):
            pass

    with pytest.raises(BadUpload, match="client disconnected"):
        asyncio.run(wait())


def test_silence_ends_the_wait():
    async def silent() -> AsyncIterator[bytes]:
        yield form(("a", b"1"))[:30]
        await asyncio.sleep(60)

    async def wait() -> None:
        async for _ in uploads(aiter(silent()), TYPE, Limits(pace=Pace(silence=0.05))):
            pass

    with pytest.raises(BadUpload, match="No data") as refusal:
        asyncio.run(wait())
    assert refusal.value.status == 408


def test_nothing_is_written_to_disk(monkeypatch):
    import tempfile

    def refuse(*given, **named):
        raise AssertionError("a temporary file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    assert len(read(form(("a", b"x" * 3_000_000)))[0].data) == 3_000_000


def test_shown_names_are_one_line_of_readable_text():
    assert shown_name("Gewebe-é.png".encode()) == "Gewebe-é.png"
    assert shown_name(b"\xff\x00\x1b[31m.png").isprintable()
    assert len(shown_name(b"x" * 10_000)) == 200
    assert shown_name(b"") == "unnamed"


def test_too_many_parts_end_the_reading_at_once():
    part = b'--edge\r\nContent-Disposition: form-data; name="x"; filename="a"\r\n\r\nx\r\n'
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield part * 50

    async def wait() -> None:
        async for _ in uploads(aiter(endless()), TYPE, Limits()):
            pass

    with pytest.raises(BadUpload, match="More than 400 parts") as refusal:
        asyncio.run(wait())
    assert refusal.value.status == 413 and sent < 12


@pytest.mark.parametrize(
    "header",
    [b"X-Long: " + b'a\\"' * 3_000_000, b"x" * 9_000_000, b"X: " + b" " * 9_000_000],
    ids=["value", "name", "spaces"],
)
def test_a_long_header_of_a_part_is_refused_at_once(header):
    began = monotonic()
    with pytest.raises(BadUpload) as refusal:
        read(b"--edge\r\n" + header + b"\r\n\r\n1\r\n--edge--\r\n")
    assert refusal.value.status == 400 and monotonic() - began < 5


def test_a_sender_slower_than_the_least_rate_is_given_up():
    async def slow() -> AsyncIterator[bytes]:
        for byte in form(("a", b"x" * 1000)):
            await asyncio.sleep(0.02)
            yield bytes([byte])

    async def wait(pace: Pace) -> None:
        async for _ in uploads(aiter(slow()), TYPE, Limits(pace=pace)):
            pass

    for pace, message in ((Pace(start=0.2), "slower"), (Pace(seconds=0.2), "more than 0.2")):
        with pytest.raises(BadUpload, match=message) as refusal:
            asyncio.run(wait(pace))
        assert refusal.value.status == 408


def test_time_spent_on_the_files_is_not_the_senders():
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"\r\n"
        yield form(("a", b"1"), ("b", b"2"))

    async def wait() -> list[str]:
        names = []
        async for upload in uploads(aiter(stream()), TYPE, Limits(pace=Pace(start=0.5))):
            await asyncio.sleep(0.6)
            names.append(upload.name)
        return names

    assert asyncio.run(wait()) == ["a", "b"]


def test_a_place_among_the_uploads_is_waited_for_no_longer_than_allowed():
    async def wait() -> None:
        async with admitted(asyncio.Semaphore(0), 0.05):
            pass

    with pytest.raises(BadUpload, match="try again") as refusal:
        asyncio.run(wait())
    assert refusal.value.status == 503

"""Files of a streamed multipart body: bounded, in memory, never on disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from her2bench.web.pace import BadUpload, Pace, paced

_MOST_HEADERS = 8  # of a part
_MOST_HEADER_BYTES = 4096  # of all headers of a part
_MOST_TYPE = 300  # characters of a form's Content-Type; a boundary has at most 70
_STEP = 65536  # bytes parsed before control returns to other requests


@dataclass(frozen=True)
class Limits:
    """Size and time limits of a request.

    Attributes:
        file_bytes: of one file.
        files: classified per request; further ones get an error.
        parts: of the form, with any content; more are refused.
        total_bytes: of the body.
        pace: of the client.
        wait: seconds for a slot among the open uploads.
        answer: seconds for the whole response.
    """

    file_bytes: int = 20_000_000
    files: int = 200
    parts: int = 400
    total_bytes: int = 1_000_000_000
    pace: Pace = field(default_factory=Pace)
    wait: float = 15.0
    answer: float = 900.0


@dataclass(frozen=True)
class Upload:
    """An uploaded file; `problem` says why its content was not kept."""

    name: str
    data: bytes
    problem: str = ""


async def uploads(
    stream: AsyncIterator[bytes], content_type: str, limits: Limits
) -> AsyncIterator[Upload]:
    """Each file of a multipart body as soon as it is complete.

    The body is read no faster than the files are taken, so that a request holds one file's
    bytes at a time.

    Args:
        stream: the body.
        content_type: the request's header.
        limits: a file or a number of files beyond them is read on but not kept.

    Raises:
        BadUpload: not a multipart form, broken off, too slow, too large or of too many parts.
    """
    if len(content_type) > _MOST_TYPE:
        raise BadUpload(400, f"A Content-Type of more than {_MOST_TYPE} characters.")
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise BadUpload(415, "Send the tiles as files of a multipart form (multipart/form-data).")
    try:
        files = _Files(options[b"boundary"], limits)
    except FormParserError as error:
        raise BadUpload(400, f"The form cannot be read ({error}).") from error
    total = 0
    async for chunk in paced(stream, limits.pace):
        total += len(chunk)
        if total > limits.total_bytes:
            raise BadUpload(413, f"More than {limits.total_bytes / 1e6:,.0f} MB in one request.")
        for start in range(0, len(chunk), _STEP):
            for upload in files.feed(chunk[start : start + _STEP]):
                yield upload
            await asyncio.sleep(0)
    if not files.whole:
        raise BadUpload(400, "The upload is incomplete: the form has no end.")


class _Files:
    """The parser's callbacks: gathers parts with a file name into uploads."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self._limits, self._count, self.whole = limits, 0, False
        self._parts, self._header_bytes = 0, 0
        self._done: list[Upload] = []
        self._header, self._value, self._headers = b"", b"", {}
        self._name, self._data, self._problem = None, bytearray(), ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._start_file,
                "on_part_data": self._add,
                "on_part_end": self._finish,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> list[Upload]:
        """The files that this chunk completes."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadUpload(400, f"The form cannot be read ({error}).") from error
        done, self._done = self._done, []
        return done

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise BadUpload(413, f"More than {self._limits.parts} parts in one form.")
        self._forget()

    def _forget(self) -> None:
        self._headers, self._name, self._header_bytes = {}, None, 0
        self._data, self._problem = bytearray(), ""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, more: int) -> None:
        self._header_bytes += more
        if self._header_bytes > _MOST_HEADER_BYTES or len(self._headers) >= _MOST_HEADERS:
            raise BadUpload(
                400,
                f"The form cannot be read (a part has more than {_MOST_HEADERS} headers or "
                f"{_MOST_HEADER_BYTES} bytes of them).",
            )

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _start_file(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" not in options:
            return
        self._name = shown_name(options[b"filename"])
        self._count += 1
        if self._count > self._limits.files:
            self._problem = f"More than {self._limits.files} files at once; send the rest after."

    def _add(self, data: bytes, start: int, end: int) -> None:
        if self._name is None or self._problem:
            return
        if len(self._data) + end - start > self._limits.file_bytes:
            most = self._limits.file_bytes / 1e6
            self._problem = f"The file is larger than {most:g} MB, the most that is accepted."
            self._data = bytearray()
            return
        self._data += data[start:end]

    def _finish(self) -> None:
        if self._name is not None:
            self._done.append(Upload(self._name, bytes(self._data), self._problem))
        self._forget()

    def _end(self) -> None:
        self.whole = True


def shown_name(raw: bytes) -> str:
    """A file's name as it may be shown: readable text, one line, not endless.

    >>> shown_name(b"a\\nb.png")
    'a b.png'
    """
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "unnamed"

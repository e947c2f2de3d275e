"""Files out of a multipart body as it streams in: bounded, in memory, never on disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect


@dataclass(frozen=True)
class Limits:
    """What a request may bring: bytes a file, files, bytes in all; seconds without a byte."""

    file_bytes: int = 20_000_000
    files: int = 200
    total_bytes: int = 1_000_000_000
    silence: float = 30.0


@dataclass(frozen=True)
class Upload:
    """A file as it was sent; `problem` says why its content was not kept."""

    name: str
    data: bytes
    problem: str = ""


class BadUpload(Exception):
    """A request that cannot be taken at all: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


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
        BadUpload: not a multipart form, broken off, silent for too long, or too large in all.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise BadUpload(415, "Send the tiles as files of a multipart form (multipart/form-data).")
    try:
        files = _Files(options[b"boundary"], limits)
    except FormParserError as error:
        raise BadUpload(400, f"The form cannot be read ({error}).") from error
    total = 0
    while (chunk := await _next(stream, limits.silence)) is not None:
        total += len(chunk)
        if total > limits.total_bytes:
            raise BadUpload(413, f"More than {limits.total_bytes / 1e6:,.0f} MB in one request.")
        for upload in files.feed(chunk):
            yield upload
    if not files.whole:
        raise BadUpload(400, "The upload broke off: the form has no end.")


class _Files:
    """The parser's callbacks: gathers parts with a file name into uploads."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self._limits, self._count, self.whole = limits, 0, False
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
        self._headers, self._name = {}, None
        self._data, self._problem = bytearray(), ""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

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
        self._begin()

    def _end(self) -> None:
        self.whole = True


def shown_name(raw: bytes) -> str:
    """A file's name as it may be shown: readable text, one line, not endless.

    >>> shown_name(b"a\\nb.png")
    'a b.png'
    """
    text = raw.decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "unnamed"


async def _next(stream: AsyncIterator[bytes], silence: float) -> bytes | None:
    try:
        async with asyncio.timeout(silence):
            return await anext(stream, None)
    except TimeoutError as error:
        raise BadUpload(408, f"Nothing came for {silence:g} seconds.") from error
    except ClientDisconnect as error:
        raise BadUpload(400, "The upload broke off: the client has gone.") from error

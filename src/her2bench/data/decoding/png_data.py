"""PNG files as they are built: chunks, each with a checksum."""

import zlib
from typing import BinaryIO

from her2bench.data.decoding.unreadable import UnreadableImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 20_000


def check_number_of_chunks(stream: BinaryIO, size: int) -> None:
    """Chunks before the pixels, and tiny ones among them, cost a decoder far more than pixels.

    Raises:
        UnreadableImage: there are too many of them.
    """
    stream.seek(len(SIGNATURE))
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8:
            return
        stream.seek(int.from_bytes(head[:4], "big") + 4, 1)
    if stream.tell() < size and stream.tell() < _MOST_CHUNKS * 1024:
        raise UnreadableImage("damaged: cut into more chunks than any encoder writes")


def check_pixel_sums(data: bytes) -> None:
    """Compare the checksums of the chunks that hold pixels; Pillow skips these.

    It stops at the last row, before the checksum of the whole, so that a flipped bit among the
    last rows would change them without a word.

    Raises:
        UnreadableImage: one of them is another.
    """
    whole, at = memoryview(data), len(SIGNATURE)
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(whole[at : at + 4], "big")
        if whole[at + 4 : at + 8] == b"IDAT":
            expected = int.from_bytes(whole[end : end + 4], "big")
            if end + 4 > len(data) or zlib.crc32(whole[at + 4 : end]) != expected:
                raise UnreadableImage("damaged: the checksum of its pixels is another")
        at = end + 4

"""Ways to damage a file: cut, emptied, bytes flipped, another file in its place."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """One file of a state (`finished` or `stopped`) with other content."""

    state: str
    file: str
    kind: str
    content: bytes


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """What damage leaves of a file, each way with its name."""
    whole = path.read_bytes()
    yield "emptied", b""
    for kept in {1, len(whole) // 2, len(whole) - 1}:
        yield f"cut to {kept} bytes", whole[:kept]
    drawn = random.Random(str(path.name))
    for count in (1, 64, max(65, len(whole) // 5)):
        for where in ("start", "middle", "end"):
            yield f"{count} bytes flipped at the {where}", flipped(whole, count, where, drawn)
    for kind, other in _others(path):
        if other.is_file() and other.read_bytes() != whole:
            yield kind, other.read_bytes()


def _others(path: Path) -> Iterator[tuple[str, Path]]:
    """Files of the same kind of other runs, and of another comparison."""
    text = str(path)
    for this, that in (("seed-0", "seed-1"), ("seed-1", "seed-0")):
        yield "another run's", Path(text.replace(this, that))
        yield "the finished run's", Path(text.replace("stopped", "finished"))
    for state in ("stopped", "finished"):
        other = text.replace(f"/{state}/", "/other/")
        yield "another comparison's", Path(other)
        yield "another comparison's", Path(other.replace("seed-0", "seed-2"))
    yield "the random tiles'", Path(text.replace("/out/", "/out/random-tiles/"))
    other = text.replace("state.", "kept.").replace("rate-0.0003", "rate-0.0001")
    yield "another rate's", Path(other)


def drawn(damages: Iterable[Damage], each: int | None, generator: random.Random) -> list[Damage]:
    """So many of each kind of file; the pictures and the arrays of a folder are one kind."""
    kinds: dict[tuple[str, Path], list[Damage]] = {}
    for damage in damages:
        file = Path(damage.file)
        kind = file.with_name(file.suffix) if file.suffix in (".npy", ".jpg") else file
        kinds.setdefault((damage.state, kind), []).append(damage)
    many = [(some, len(some) if each is None else min(each, len(some))) for some in kinds.values()]
    return [damage for some, count in many for damage in generator.sample(some, count)]


def flipped(content: bytes, count: int, where: str, drawn: random.Random) -> bytes:
    """So many bytes in a row changed, each by a random pattern of bits."""
    count = min(count, len(content))
    start = {"start": 0, "middle": (len(content) - count) // 2, "end": len(content) - count}[where]
    changed = bytearray(content)
    for i in range(start, start + count):
        changed[i] ^= drawn.randrange(1, 256)
    return bytes(changed)

"""What was counted, and what was found and kept."""

import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

MOST_KEPT = 3  # files of one fault
_FRAME = re.compile(r'File ".*?her2bench/((?:\w+/)*\w+\.py)", line (\d+)')


@dataclass(frozen=True)
class Fault:
    """One kind of fault: in which kind of input, what happened, and where."""

    kind: str
    outcome: str  # fault, hang or death
    error: str
    place: str


@dataclass
class Findings:
    """Counts by kind and outcome, and every distinct fault with its files in `folder`."""

    folder: Path
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[Fault] = field(default_factory=Counter)
    files: dict[Fault, list[Path]] = field(default_factory=dict)

    def count(self, kind: str, outcome: str) -> None:
        """One input that ended well."""
        self.counts[kind, outcome] += 1

    def add(self, fault: Fault, text: str, source: Path) -> None:
        """One input that did not: its file is kept with what was seen, a few for each fault."""
        self.counts[fault.kind, fault.outcome] += 1
        self.faults[fault] += 1
        kept = self.files.setdefault(fault, [])
        if len(kept) >= MOST_KEPT or not source.is_file():
            return
        digest = blake2b(source.read_bytes(), digest_size=6).hexdigest()
        folder = self.folder / fault.kind
        folder.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"[^\w.]+", "-", f"{fault.error} {fault.place} {digest}")
        file = folder / f"{name}{source.suffix}"
        if file in kept:
            return
        if file.resolve() != source.resolve():
            shutil.copyfile(source, file)
        file.with_name(file.name + ".txt").write_text(text, encoding="utf-8", errors="replace")
        kept.append(file)

    def table(self) -> str:
        """Counts by kind."""
        outcomes = ("refused", "accepted", "fault", "hang", "death")
        names = ("refused", "accepted", "tracebacks", "hangs", "deaths")
        lines = ["kind".ljust(14) + "".join(name.rjust(12) for name in ("inputs", *names))]
        kinds = sorted({kind for kind, _ in self.counts})
        rows = [(kind, [self.counts[kind, outcome] for outcome in outcomes]) for kind in kinds]
        rows.append(("all", [sum(column) for column in zip(*(r for _, r in rows), strict=True)]))
        for kind, row in rows:
            lines.append(kind.ljust(14) + "".join(f"{n:,}".rjust(12) for n in (sum(row), *row)))
        return "\n".join(lines)

    def listed(self) -> str:
        """Every distinct fault: how often, what, where, and a file to run again."""
        return "\n".join(
            f"{times:6}  {fault.kind}: {fault.error} at {fault.place}"
            + "".join(f"\n        {file}" for file in self.files[fault][:1])
            for fault, times in self.faults.most_common()
        )


def place_in(dump: str) -> str:
    """The innermost line of ours in what `faulthandler` wrote, the innermost of any else."""
    found = _FRAME.search(dump) or re.search(r'File ".*?([^/"]+)", line (\d+)', dump)
    return f"{found[1]}:{found[2]}" if found else "unknown"

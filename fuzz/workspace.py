"""Where a worker works: a temporary tree in which only a few folders may be written."""

import os
from pathlib import Path

Stamps = dict[str, tuple[int, int]]


class Workspace:
    """A tree made for one worker.

    `out` is the output folder and `input` where the inputs lie; `place` is the working directory.
    All else in the tree, `home` and the sentinels beside the output included, is to stay as it
    is: `changes()` names what does not. `shared` holds the finished comparison of `comparison.py`.
    """

    def __init__(self, root: Path, shared: Path) -> None:
        self.root, self.shared = root, shared
        deep = root / "a" / "b" / "c"
        self.out, self.place, self.input = deep / "out", deep / "place", root / "input"
        self.home, self.temporary = root / "home", root / "tmp"
        self._free = {str(path) for path in (self.out, self.input, self.temporary)}

    @property
    def stderr(self) -> Path:
        """What the worker says of its own end."""
        return self.temporary / "stderr"

    def build(self) -> None:
        """Make the folders, and the sentinels."""
        for folder in (self.out, self.place, self.input, self.home, self.temporary):
            folder.mkdir(parents=True)
        for folder in (self.root, self.home, self.place, self.out.parent, self.out.parent.parent):
            (folder / "sentinel.txt").write_text("to stay as it is\n", encoding="utf-8")
            (folder / "sentinel").mkdir()

    def stamps(self) -> Stamps:
        """Size and time of everything outside of the folders that may be written."""
        return dict(self._walk(str(self.root)))

    def _walk(self, folder: str) -> list[tuple[str, tuple[int, int]]]:
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.path in self._free:
                    continue
                stat = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    found += [(entry.path, (0, 0)), *self._walk(entry.path)]
                else:
                    found.append((entry.path, (stat.st_size, stat.st_mtime_ns)))
        return found


def changes(before: Stamps, after: Stamps) -> list[str]:
    """The paths that were made, changed or removed."""
    return sorted(p for p in {*before, *after} if before.get(p) != after.get(p))

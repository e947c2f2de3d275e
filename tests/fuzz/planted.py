"""A kind of input whose reader does what the input says."""

import os
import time
from pathlib import Path
from random import Random

from fuzz.workspace import Workspace

from her2bench.core.errors import UserError


class Planted:
    unfit = False

    def __init__(self, workspace: Workspace) -> None:
        self._room = workspace

    def make(self, rng: Random) -> tuple[str, bytes]:
        if self.unfit:
            raise ValueError("no input can be made")
        return ".txt", rng.choice((b"accepted", b"refused", b"fault"))

    def read(self, path: Path, rng: Random) -> None:
        wish = path.read_text(encoding="utf-8")
        if wish == "refused":
            raise UserError(path, found="nothing of use")
        if wish == "fault":
            raise KeyError("planted")
        if wish == "hang":
            time.sleep(60)
        if wish == "death":
            os.abort()
        if wish == "outside":
            (self._room.out.parent / "sentinel.txt").write_text("changed", encoding="utf-8")
        (self._room.out / "written").write_text("fine", encoding="utf-8")


class Unfit(Planted):
    unfit = True

"""All that the checks may look at, and what several of them share, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl

from her2bench.audit.features.extraction import Observations
from her2bench.core.audit_findings import Finding


@dataclass(frozen=True)
class Evidence:
    """What a check starts from; row i is the same tile everywhere.

    Attributes:
        manifest: as `read_manifest` gives it; bad tiles are in it.
        target: (n,) 0 or 1.
        endpoint: what counts as positive.
        observations: what was taken from the tiles' pixels and files.
        split: (n,) text, the split that a comparison would use; None where there is none.
        score_is_slides: whether the score is the slide's, as in BCI, and not each tile's own.
    """

    manifest: pl.DataFrame
    target: np.ndarray
    endpoint: str
    observations: Observations
    split: np.ndarray | None
    score_is_slides: bool = True

    @cached_property
    def tile_ids(self) -> list[str]:
        return self.manifest["tile_id"].to_list()

    @property
    def readable(self) -> np.ndarray:
        """(n,) bool: the tiles that could be read."""
        good = np.ones(len(self.manifest), bool)
        good[list(self.observations.bad)] = False
        return good

    @cached_property
    def groups(self) -> np.ndarray | None:
        """(n,) slide or patient of each tile, as the manifest says; None where it does not."""
        if "group_id" not in self.manifest.columns or self.manifest["group_id"].null_count():
            return None
        return self.manifest["group_id"].to_numpy()

    def slides_of(self, rows: np.ndarray) -> tuple[str, ...]:
        """The slides of some tiles, each once, sorted; empty where they are not known."""
        return () if self.groups is None else tuple(sorted(set(self.groups[rows])))


@dataclass(frozen=True)
class Found:
    """What one check came to: findings (none: clean), numbers worth knowing, or why not made."""

    findings: tuple[Finding, ...] = ()
    measured: dict[str, float | str | None] | None = None
    left_out: str = ""


class Check(Protocol):
    """A check: evidence in, findings out."""

    def __call__(self, evidence: Evidence) -> Found: ...

"""All that the checks may look at, and what several of them share, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.pairs import TilePairs, find_pairs
from her2bench.audit.slides.inferred_slides import InferredSlides, infer_slides, of_one_file
from her2bench.core.audit_findings import Finding, Measured, Reason


@dataclass(frozen=True)
class AuditContext:
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
        return self.observations.readable

    @cached_property
    def groups(self) -> np.ndarray | None:
        """(n,) slide or patient of each tile, as the manifest says; None where it does not."""
        if "group_id" not in self.manifest.columns or self.manifest["group_id"].null_count():
            return None
        return self.manifest["group_id"].to_numpy()

    @property
    def labels(self) -> np.ndarray:
        """(n,) score of each tile; its target where the manifest has no scores."""
        scored = "score" in self.manifest.columns
        return self.manifest["score"].to_numpy() if scored else self.target

    @property
    def slide_scores(self) -> np.ndarray | None:
        """(n,) score of each tile's slide; None where the score is the tile's own."""
        return self.labels if self.score_is_slides else None

    @cached_property
    def pairs(self) -> TilePairs:
        """Duplicates and neighbours."""
        return find_pairs(self.observations)

    @cached_property
    def slides(self) -> InferredSlides:
        """An estimate of which tiles come from one slide, by their pixels."""
        linked = np.concatenate([self.pairs.of_one_slide, of_one_file(self.manifest)])
        return infer_slides(self.observations, linked, self.slide_scores)

    def slides_of(self, rows: np.ndarray) -> tuple[str, ...]:
        """The slides of some tiles, each once, sorted; empty where they are not known."""
        return () if self.groups is None else tuple(sorted(set(self.groups[rows])))


class NotMade(NamedTuple):
    """Why a check could not be made."""

    kind: Reason
    text: str


@dataclass(frozen=True)
class CheckResult:
    """What one check found: findings (none: clean), measured values, or why not made."""

    findings: tuple[Finding, ...] = ()
    measured: Measured | None = None
    left_out: NotMade | None = None


class Check(Protocol):
    """A check: evidence in, findings out."""

    def __call__(self, evidence: AuditContext) -> CheckResult: ...

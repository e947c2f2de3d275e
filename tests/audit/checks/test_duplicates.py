"""Duplicates as findings: across splits, with different scores, across slides, and the rest."""

from dataclasses import replace

import numpy as np
import polars as pl

from her2bench.audit.checks.duplicates import check_duplicates
from her2bench.audit.context import AuditContext


def evidence(planted, **columns) -> AuditContext:
    manifest, observations = planted
    split = columns.pop("split", None)
    table = manifest.with_columns(**{name: pl.Series(v) for name, v in columns.items()})
    return AuditContext(table, np.ones(len(table), int), "2+", observations, split)


def kinds(found) -> dict[str, tuple[str, float]]:
    return {f.kind: (f.severity, f.number) for f in found.findings}


def test_duplicates_in_one_split_are_a_warning_with_whole_sets(planted):
    found = check_duplicates(evidence(planted))
    assert kinds(found) == {"duplicates": ("warning", 6)}
    assert found.findings[0].tiles[0] == ("000", "020", "026")
    assert "2 same bytes, 1 same pixels" in found.findings[0].title
    assert found.measured == {
        "pairs of tiles, same bytes": 2,
        "pairs of tiles, same pixels": 1,
        "pairs of tiles, re-compressed": 1,
        "pairs of tiles, flipped or rotated": 2,
        "pairs of tiles, shifted": 1,
    }


def test_splits_scores_and_slides_that_differ_are_told_apart(planted):
    n = len(planted[0])
    split = np.array(["train"] * n, object)
    split[[22, 25]] = "test"
    score, slide = [3] * n, ["a"] * n
    score[20] = 1
    slide[21] = "b"
    found = check_duplicates(evidence(planted, split=split, score=score, group_id=slide))
    assert kinds(found) == {
        "duplicates_across_splits": ("serious", 2),
        "duplicates_with_different_scores": ("serious", 1),
        "duplicates_across_slides": ("warning", 1),
        "duplicates": ("warning", 2),
    }
    assert found.findings[0].tiles == (("002", "022"), ("005", "025"))
    assert found.findings[2].slides == ("a", "b")


def test_a_clean_set_gives_no_finding(planted):
    manifest, observations = planted
    few = {name: values[:20] for name, values in observations.fields.items()}
    clean = (manifest[:20], replace(observations, fields=few, bad={}))
    assert check_duplicates(evidence(clean)).findings == ()

"""Neighbours as findings: across splits, across slides, and of unknown slides."""

import numpy as np
import polars as pl

from her2bench.audit.checks.neighbours import check_neighbours
from her2bench.audit.context import AuditContext


def evidence(cut, split=None, groups=None) -> AuditContext:
    table, observations = cut
    if groups is not None:
        table = table.with_columns(group_id=pl.Series(groups))
    return AuditContext(table, np.ones(len(table), int), "2+", observations, split)


def test_neighbours_within_a_known_slide_and_split_are_as_they_should_be(cut):
    n = len(cut[0])
    found = check_neighbours(evidence(cut, np.array(["train"] * n), ["a"] * n))
    assert found.findings == ()
    assert found.measured == {"pairs of tiles, overlapping": 1, "pairs of tiles, adjacent": 2}


def test_findings_across_splits_across_slides_and_of_unknown_slides(cut):
    n = len(cut[0])
    split = np.array(["train", "test", *["train"] * (n - 2)])
    found = check_neighbours(evidence(cut, split, ["a", "a", "a", "b", *["c"] * (n - 4)]))
    assert [(f.kind, f.severity, f.tiles) for f in found.findings] == [
        ("neighbours_across_splits", "serious", (("00", "01"),)),
        ("neighbours_across_slides", "warning", (("00", "03"),)),
    ]
    found = check_neighbours(evidence(cut, groups=cut[0]["tile_id"].to_list()))
    assert [(f.severity, f.number) for f in found.findings] == [("warning", 3)]
    found = check_neighbours(evidence(cut, split))
    assert [(f.kind, f.number) for f in found.findings] == [
        ("neighbours_across_splits", 1),
        ("neighbours_of_unknown_slides", 2),
    ]


def test_an_adjacent_pair_against_the_manifests_word_may_be_chance_an_overlap_is_none(cut):
    rest = ["c"] * (len(cut[0]) - 4)
    split = np.array(["train", "test", "train", "train", *["train"] * len(rest)])
    adjacent = check_neighbours(evidence(cut, split, ["a", "b", "a", "a", *rest]))
    assert [(f.kind, f.severity) for f in adjacent.findings] == [
        ("neighbours_across_splits", "note"),
        ("neighbours_across_slides", "note"),
    ]
    overlapping = check_neighbours(evidence(cut, groups=["a", "a", "a", "b", *rest]))
    several = check_neighbours(evidence(cut, groups=["a", "b", "b", "a", *rest]))
    assert [f.severity for f in (*overlapping.findings, *several.findings)] == ["warning"] * 2


def test_an_adjacent_pair_across_splits_is_serious_if_the_manifest_says_so_too(cut):
    n = len(cut[0])
    split = np.array(["train", "test", *["train"] * (n - 2)])
    found = [check_neighbours(evidence(cut, split, groups)) for groups in (["a"] * n, None)]
    assert [each.findings[0].severity for each in found] == ["serious", "warning"]
    assert [each.findings[0].tiles for each in found] == [(("00", "01"),)] * 2

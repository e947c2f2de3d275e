"""What is said of hidden slides: a warning, a split that ignores slides, or its accuracy."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from her2bench.audit import context
from her2bench.audit.checks.hidden_slides import check_hidden_slides, crossing_ratio, pairs_kept
from her2bench.audit.context import AuditContext
from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.keypoints import NOWHERE
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.run import AuditResult
from her2bench.audit.slides.scanner_features import NAMES
from her2bench.core.audit_findings import Audit

TRUTH = np.repeat(np.arange(16), 12)


def evidence(split=None, known=False, apart=6.0, bad=None):
    rng = np.random.default_rng(0)
    slides = apart * rng.standard_normal((16, len(NAMES)))
    slides[:, 4:] = 0
    whole = slides[TRUTH] + rng.standard_normal((len(TRUTH), len(NAMES)))
    quarters = whole[:, None] + rng.standard_normal((len(TRUTH), 4, len(NAMES)))
    blank = {
        n: np.zeros((len(TRUTH), *s), kind) for n, (kind, s) in MATCHING_FEATURES.fields.items()
    }
    blank["keypoint_places"][:] = NOWHERE
    fields = {**blank, "fingerprint": whole, "fingerprint_quarters": quarters}
    score = TRUTH % 4
    columns = {"tile_id": [f"t{i}" for i in range(len(TRUTH))], "path": "a", "score": score}
    table = pl.DataFrame(columns | ({"group_id": [f"s{g}" for g in TRUTH]} if known else {}))
    observations = Observations(fields | {"quantisation": np.zeros(len(TRUTH))}, bad or {})
    return AuditContext(table, (score > 1).astype(int), "2+", observations, split)


RANDOM = np.where(np.random.default_rng(1).random(len(TRUTH)) < 0.3, "test", "train")
GROUPED = np.where(TRUTH < 4, "test", "train")


def test_no_slide_named():
    found = check_hidden_slides(evidence())
    (finding,) = found.findings
    assert finding.kind == "hidden_slides" and finding.number == 16
    assert "16 slides" in finding.title and "--infer-groups" in finding.hint


def test_a_split_by_tiles_is_told_from_one_by_slides():
    random = check_hidden_slides(evidence(RANDOM))
    assert [f.kind for f in random.findings] == ["hidden_slides", "hidden_slides_on_both_sides"]
    sides = random.findings[1]
    assert sides.severity == "serious" and sides.number == 16
    for left, right in sides.tiles:
        a, b = int(left[1:]), int(right[1:])
        assert TRUTH[a] == TRUTH[b] and RANDOM[a] != RANDOM[b]
    whole = check_hidden_slides(evidence(GROUPED))
    assert [f.kind for f in whole.findings] == ["hidden_slides"]
    assert whole.measured["hidden_slides_crossing"] == 0


def test_known_slides_judge_the_estimate():
    found = check_hidden_slides(evidence(RANDOM, known=True))
    assert not found.findings
    assert found.measured["hidden_slides_adjusted_rand"] > 0.95
    assert found.measured["hidden_slides_pairs_kept"] > 0.95
    assert found.measured["hidden_slides_true"] == 16
    blind = check_hidden_slides(evidence(known=True, apart=0.0)).measured
    alone = blind["hidden_slides_adjusted_rand_of_score_alone"]
    assert blind["hidden_slides_adjusted_rand"] == pytest.approx(alone)


def test_crossing_is_one_at_random_and_none_on_one_side():
    given = evidence()
    scores = given.manifest["score"].to_numpy()
    found = given.slides
    rng = np.random.default_rng(5)
    ratios = [
        crossing_ratio(found, rng.permutation(RANDOM), given.readable, scores) for _ in range(50)
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)
    assert crossing_ratio(found, np.full(len(TRUTH), "test"), given.readable) is None


def test_pairs_kept_against_all_pairs():
    rng = np.random.default_rng(2)
    truth, guess = rng.integers(0, 4, 40), rng.integers(0, 6, 40)
    pairs = list(combinations(range(40), 2))
    same = [truth[i] == truth[j] for i, j in pairs]
    together = [guess[i] == guess[j] for i, j in pairs]
    both = sum(a and b for a, b in zip(same, together, strict=True))
    assert pairs_kept(truth, guess) == pytest.approx((both / sum(same), both / sum(together)))


def test_where_the_score_alone_tells_slides_apart_no_split_can_be_judged():
    one_each = evidence(RANDOM, apart=0.0)
    found = check_hidden_slides(one_each)
    assert [f.kind for f in found.findings] == ["hidden_slides"]
    assert "(the score alone distinguishes 4)" in found.findings[0].title
    assert "confidence" not in found.findings[0].effect
    assert found.measured["hidden_slides_crossing"] is None


def test_the_slides_are_estimated_once_for_all_that_ask(monkeypatch):
    given = evidence(RANDOM)
    asked = []
    estimate = context.infer_slides

    def counted(*arguments):
        asked.append(arguments)
        return estimate(*arguments)

    monkeypatch.setattr(context, "infer_slides", counted)
    check_hidden_slides(given)
    assert (
        AuditResult(Audit(manifest="m", endpoint="2+", tiles=len(TRUTH)), given)
        .with_slides["group_id"]
        .n_unique()
        == check_hidden_slides(given).findings[0].number
    )
    assert len(asked) == 1


def test_tiles_that_cannot_be_read_are_no_slides():
    found = check_hidden_slides(evidence(bad=dict.fromkeys(range(5), "broken")))
    assert found.findings[0].number == 16 and "187 tiles" in found.findings[0].title

"""Labels: how many of each, tiles that show nothing of their slide's label, and the ceiling."""

import numpy as np
import polars as pl

from her2bench.audit.context import AuditContext, CheckResult
from her2bench.audit.partition import sides_of
from her2bench.core.audit_findings import Finding, Measured, Severity
from her2bench.core.one_class import values_of
from her2bench.core.text import plural

LEAST_BROWN = 0.02
"""Share of a tile that is brown (`measures.BROWN`) below which it counts as without stain. On
phantoms it finds nearly all tiles without tumour of positive slides, and few that earn their
score (`python -m benchmarks.audit_checks`)."""
LEAST_TISSUE = 0.05
"""Share of a tile that is tissue below which it counts as without tissue."""
USUAL_UNSTAINED = 1 / 2
USUAL_AGAINST = 1 / 3
"""Shares of tiles up to which this is what slide labels bring: in BCI 16% of tiles hold no tumour
and a reader put a quarter of the others on the other side of the line. Beyond it the labels
themselves are in doubt."""
TILE_SCORE = "tile_score"
_LOPSIDED = 0.9


def check_labels(evidence: AuditContext, tile_score: str = TILE_SCORE) -> CheckResult:
    """Class balance, slides with two scores, unstained positive tiles, tile scores against slides'.

    Args:
        evidence: of the tiles.
        tile_score: the manifest's column with each tile's own score, if it has one.
    """
    findings = [*_balance(evidence), *_two_scores(evidence), *_unstained(evidence)]
    measured = counts(evidence)
    if tile_score in evidence.manifest.columns and evidence.endpoint != "status":
        more, numbers = _against_tiles(evidence, tile_score)
        findings += more
        measured |= numbers
    return CheckResult(tuple(findings), measured)


def counts(evidence: AuditContext) -> Measured:
    """Tiles (and slides) by score, and the positive share, over all and by side."""
    table, target = evidence.manifest, evidence.target
    scored = "score" in table.columns
    counted: Measured = {"tiles_by_score": _by_score(table)} if scored else {}
    if scored and evidence.groups is not None:
        slides = table.group_by("group_id").agg(pl.col("score").max())
        counted["slides_by_score"] = _by_score(slides)
    counted["positive_share"] = round(float(target.mean()), 3)
    for side in _sides(evidence):
        counted[f"positive_share_{side}"] = round(float(target[evidence.split == side].mean()), 3)
        if scored:
            counted[f"tiles_by_score_{side}"] = _by_score(table.filter(evidence.split == side))
    return counted


def _by_score(table: pl.DataFrame) -> str:
    held = np.bincount(table["score"].to_numpy(), minlength=4)
    return ", ".join(f"{score}{'+' if score else ''}: {n}" for score, n in enumerate(held))


def _sides(evidence: AuditContext) -> list[str]:
    return [] if evidence.split is None else sides_of(evidence.split)


def _balance(evidence: AuditContext) -> list[Finding]:
    """A side with one class, and a class that outweighs the other by far."""
    found, target = [], evidence.target
    for side in _sides(evidence):
        share = target[evidence.split == side].mean()
        if share in (0, 1):
            found.append(_one_class(side, int((evidence.split == side).sum()), bool(share)))
    most = float(max(target.mean(), 1 - target.mean()))
    if most >= 1:
        held = values_of(evidence.manifest, evidence.endpoint)
        found.append(_one_class("the manifest", len(target), bool(target[0]), f": {held}"))
    elif most > _LOPSIDED:
        found.append(
            Finding(
                kind="class_imbalance",
                severity="warning",
                title=f"{most:.0%} of the tiles are of one class: a constant answer is correct as "
                "often",
                number=round(most, 3),
                unit="share of tiles",
                effect="accuracy says next to nothing, and the rarer class determines the "
                "width of all intervals",
                hint="compare by ROC-AUC or balanced accuracy, and add slides of the rarer class",
                rank=100 * most,
            )
        )
    return found


def _one_class(where: str, tiles: int, positive: bool, why: str = "") -> Finding:
    fold = where.startswith("fold ")
    return Finding(
        kind="one_class_only",
        severity="note" if fold else "serious",
        title=f"All tiles of {where} ({tiles}) are {'positive' if positive else 'negative'}{why}",
        number=tiles,
        unit="tiles",
        effect="that fold has no ROC-AUC of its own; all folds are scored together"
        if fold
        else "no ROC-AUC, no sensitivity beside specificity: nothing can be compared there",
        hint="divide the tiles again, choose another endpoint, or add slides of the other class",
        rank=100,
    )


def _two_scores(evidence: AuditContext) -> list[Finding]:
    """Slides with more than one score, where most slides have one: errors, not tile labels."""
    if evidence.groups is None:
        return []
    kind = "score" if "score" in evidence.manifest.columns else "status"
    labels = pl.DataFrame({"group_id": evidence.groups, "label": evidence.labels})
    scores = labels.group_by("group_id").agg(pl.col("label").n_unique())
    mixed = scores.filter(pl.col("label") > 1)["group_id"].sort().to_list()
    if not mixed or len(mixed) > len(scores) / 2:
        return []
    return [
        Finding(
            kind="slide_with_two_scores",
            severity="warning",
            title=f"{len(mixed)} of {len(scores)} slides {plural(len(mixed), 'has', 'have')} tiles "
            f"of more than one {kind}, the others one each",
            number=len(mixed),
            unit="slides",
            effect="either these labels are errors, or these ids hold several slides",
            hint="check the scores and ids of these slides",
            slides=tuple(mixed),
            rank=100 * len(mixed) / len(scores),
        )
    ]


def _unstained(evidence: AuditContext) -> list[Finding]:
    """Tiles of positive slides that hold hardly any tissue, or hardly anything brown."""
    rows = np.flatnonzero(evidence.readable & (evidence.target == 1))
    brown, tissue = (evidence.observations[name][rows] for name in ("brown", "tissue"))
    empty = (brown < LEAST_BROWN) | (tissue < LEAST_TISSUE)
    if not empty.any():
        return []
    bare = int((tissue < LEAST_TISSUE).sum())
    share, order = float(empty.mean()), np.argsort(brown[empty], kind="stable")
    slides = _wholly(evidence, rows, empty)
    named = f"{len(slides)} slide{'s' if len(slides) > 1 else ''}"
    also = f"; on {named} this is so of nearly every tile" if slides else ""
    return [
        Finding(
            kind="unstained_tiles_in_positive_slides",
            severity=_severity(share, USUAL_UNSTAINED),
            title=f"{int(empty.sum())} of {len(rows)} tiles labelled positive "
            f"{plural(empty.sum(), 'shows', 'show')} hardly any "
            f"stain (less than {LEAST_BROWN:.0%} of the tile is brown; {bare} hold hardly any "
            f"tissue){also}",
            number=int(empty.sum()),
            unit="tiles",
            effect="fat, stroma or glass is trained and tested as positive: this adds label noise, "
            "and no model that reads the stain can be correct there",
            hint="leave these tiles out by a rule fixed beforehand, label tiles, or score whole "
            "slides instead of tiles",
            tiles=tuple((evidence.tile_ids[int(i)],) for i in rows[empty][order]),
            slides=slides,
            rank=100 * share,
        )
    ]


def _wholly(evidence: AuditContext, rows: np.ndarray, empty: np.ndarray) -> tuple[str, ...]:
    """The slides of five tiles and more, nine in ten of which are empty."""
    if evidence.groups is None:
        return ()
    names, codes = np.unique(evidence.groups[rows].astype(str), return_inverse=True)
    tiles, without = np.bincount(codes), np.bincount(codes, weights=empty)
    return tuple(names[(tiles >= 5) & (without >= 0.9 * tiles)].tolist())


def _against_tiles(evidence: AuditContext, column: str) -> tuple[list[Finding], Measured]:
    """Tiles whose own score contradicts the label, and the label ceiling that follows."""
    own = evidence.manifest[column].cast(pl.Float64, strict=False).to_numpy()
    scored = np.isfinite(own)
    if not scored.any():
        return [], {}
    line, target = int(evidence.endpoint[0]), evidence.target == 1
    against = scored & ((np.nan_to_num(own) >= line) != target)
    share = float(against.sum() / scored.sum())
    measured: Measured = {
        "tiles_without_own_score": round(float((~scored).mean()), 3),
        "tiles_against_slide_label": round(share, 3),
        "accuracy_ceiling": round(1 - share, 3),
    }
    if not against.any():
        return [], measured
    finding = Finding(
        kind="labels_against_tile_score",
        severity=_severity(share, USUAL_AGAINST),
        title=f"{share:.0%} of the {int(scored.sum())} tiles with a score of their own "
        f"contradict their slide's label, and {int((~scored).sum())} have none: the label ceiling "
        f"(tile-level reference read) is an accuracy of {1 - share:.3f} on the scored tiles",
        number=round(share, 3),
        unit="share of scored tiles",
        effect="an accuracy above that ceiling comes from knowing the slide, not the tile",
        hint="train and score by the tiles' own scores, or score whole slides; read accuracies "
        "against the ceiling",
        tiles=tuple((evidence.tile_ids[int(i)],) for i in np.flatnonzero(against)),
        rank=100 * share,
    )
    return [finding], measured


def _severity(share: float, usual: float) -> Severity:
    return "note" if share <= usual else "warning"

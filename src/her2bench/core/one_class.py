"""A manifest whose tiles are all positive or all negative, for an endpoint."""

import polars as pl

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import ENDPOINTS, SCORES, binary_endpoint


def require_both_classes(
    manifest: pl.DataFrame, target: pl.Series, endpoint: str, where: object
) -> None:
    """Raise a UserError that names the column and what it holds if all tiles are of one class.

    Args:
        manifest: as `read_manifest` gives it.
        target: 0 or 1 of each row.
        endpoint: what counts as positive.
        where: the manifest's path, for the message.
    """
    if target.n_unique() > 1:
        return
    binary = [name for name in ENDPOINTS if name == binary_endpoint(name)]
    others = [f"'{name}'" for name in binary if _divides(manifest, name)]
    raise UserError(
        where,
        found=f"all {len(target)} tiles are {'positive' if target[0] else 'negative'}: "
        f"{values_of(manifest, endpoint)}",
        expected=f"both classes: {ENDPOINTS[endpoint]} (endpoint = '{endpoint}')",
        hint=f"set endpoint = {' or '.join(others)}, or add slides of the other class"
        if others
        else "add slides of the other class",
    )


def values_of(manifest: pl.DataFrame, endpoint: str) -> str:
    """What the column of an endpoint holds.

    >>> values_of(pl.DataFrame({"score": [2, 3, 3]}), "2+")
    'the column score holds 2+ (1), 3+ (2)'
    """
    column = _column(endpoint)
    counts = manifest[column].drop_nulls().value_counts().sort(column).iter_rows()
    held = [f"{SCORES[value] if column == 'score' else value} ({n})" for value, n in counts]
    return f"the column {column} holds {', '.join(held)}"


def _column(endpoint: str) -> str:
    return "status" if endpoint == "status" else "score"


def _divides(manifest: pl.DataFrame, endpoint: str) -> bool:
    """Whether a binary endpoint would give both classes."""
    column = _column(endpoint)
    if column not in manifest.columns:
        return False
    values = manifest[column].drop_nulls()
    line = 1 if column == "status" else int(binary_endpoint(endpoint)[0])
    return len(values) == len(manifest) and (values >= line).n_unique() > 1

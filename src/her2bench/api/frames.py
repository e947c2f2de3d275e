"""Input tables: paths, polars and pandas frames, dicts of columns."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import polars as pl

from her2bench.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# `Union`, because pandas may not be installed and is a forward reference.
Frame = Union[pl.DataFrame, pl.LazyFrame, "pd.DataFrame", Mapping[str, Iterable[Any]]]
Table = Union[str, Path, Frame]  # noqa: UP007
Tables = Union[  # noqa: UP007
    Table, Mapping[str, str | Path], Sequence[str | Path | tuple[str | None, str | Path]]
]


def as_polars(source: Any) -> pl.DataFrame:
    """A frame or a dict of columns as a polars frame; missing values of any kind as null.

    Raises:
        UserError: it is neither.
    """
    if isinstance(source, pl.LazyFrame):
        return source.collect()
    if isinstance(source, pl.DataFrame):
        return source
    if hasattr(source, "columns") and hasattr(source, "notna"):  # pandas
        known = source.astype(object).where(source.notna(), None)
        return _columns({str(name): known[name].tolist() for name in known.columns})
    if isinstance(source, Mapping):
        return _columns({str(name): list(values) for name, values in source.items()})
    raise UserError(
        "table",
        found=type(source).__name__,
        expected="a path, a polars or pandas frame, or a dict of columns",
    )


def as_pandas(table: pl.DataFrame) -> "pd.DataFrame":
    """A polars frame as a pandas frame.

    Raises:
        UserError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise UserError(
            "to_pandas", found="pandas is not installed", hint="pip install pandas"
        ) from error
    return pd.DataFrame(table.to_dict(as_series=False))


def _columns(columns: dict[str, list[Any]]) -> pl.DataFrame:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError("table", found=f"columns of different lengths: {lengths}")
    try:
        return pl.DataFrame(columns)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise UserError(
            "table",
            found=f"values of several types in one column ({str(error).splitlines()[0]})",
            expected="one type of value per column",
        ) from error

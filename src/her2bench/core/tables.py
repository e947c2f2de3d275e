"""Reading and writing tables, CSV or Parquet by their ending, with the names they must have."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from her2bench.core.atomic_io import reading, replacing
from her2bench.core.delimited import HINT, KEPT_TEXT, guarded, read_csv
from her2bench.core.errors import UserError, nearest
from her2bench.core.misspelling import is_misspelt
from her2bench.core.parquet import check_parquet
from her2bench.core.values import clean_name, clean_text, folded, is_plain, plain, require_plain

_HINTS = {
    ".csv": HINT,
    ".parquet": "it is damaged or no Parquet: write it again, or save the table as CSV",
}

_MOST_NAMED = 50


@dataclass(frozen=True)
class Wanted:
    """Which columns are used; their names are recognised in any case and with any spaces.

    Further ones are read too, but for those of lists, times or bytes; in a CSV they are text.

    Args:
        required: the table is refused without these.
        optional: used where they are there; one of them misspelt is refused.
        also: labels that are used too; another table may have them.
        together: optional ones that are refused anyway where not all of them are there.
        renamed: name wanted → the column's own name in the table.
    """

    required: Collection[str] = ()
    optional: Collection[str] = ()
    also: Collection[str] = ()
    together: Collection[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> list[str]:
        """The columns of numbers, by their names in the table."""
        names = [n for n in (*self.required, *self.optional) if n not in KEPT_TEXT]
        return [self.renamed.get(name, name) for name in names]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are used by their names."""
        return (*self.required, *self.optional, *self.also)


ANYTHING = Wanted()


def read_table(path: Path, wanted: Wanted = ANYTHING) -> pl.DataFrame:
    """Read a `.csv` (comma, semicolon or tab; a byte-order mark is fine) or `.parquet` table.

    In a CSV every column is text (`values.typed` makes numbers), so that an id 007 keeps its zeros;
    decimal commas are points in required and optional columns. Words that mean missing are missing
    in the labels of `wanted.also`.

    Raises:
        UserError: no such file, another ending, unreadable, no rows, a column is missing, two have
            one name, or one that is used holds neither text nor numbers.
    """
    path = Path(path)
    with reading(path):
        _refuse_other_files(path)
    try:
        with reading(path):
            read = _read_csv if path.suffix.lower() == ".csv" else _read_parquet
            table = read(path, wanted)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise UserError(
            path,
            found=f"cannot be read as a table ({_first_line(error)})",
            expected="a table",
            hint=_HINTS[path.suffix.lower()],
        ) from error
    if table.is_empty():
        raise UserError(path, found="no rows", expected="at least one row", hint="fill the table")
    return table.with_columns(_labels(table, wanted))


def write_table(table: pl.DataFrame, path: Path) -> None:
    """Write a table as `.csv` or `.parquet`, whole or not at all.

    In a CSV, text that a spreadsheet would run as a formula is guarded by an apostrophe.
    """
    with replacing(Path(path)) as temporary:
        if path.suffix.lower() == ".csv":
            guarded(table).write_csv(temporary)
        else:
            table.write_parquet(temporary)


def require_columns(table: pl.DataFrame, required: Iterable[str], where: object) -> None:
    """Raise a UserError that lists the missing columns, each with the nearest one present."""
    _require(table.columns, required, where)


def _require(present: list[str], required: Iterable[str], where: object) -> None:
    missing = [name for name in required if name not in present]
    if missing:
        near = {name: nearest(name, present) for name in missing}
        hints = [f"{name} ({near[name]})" if near[name] else name for name in missing]
        some = [*present[:_MOST_NAMED], *(["..."] if len(present) > _MOST_NAMED else [])]
        raise UserError(
            where,
            found=f"missing columns: {'; '.join(hints)} (present: {', '.join(some)})",
            expected=f"at least the columns {', '.join(required)}",
            hint="rename or add the columns",
        )


def _refuse_near(present: list[str], wanted: Wanted, where: object) -> None:
    """A further column whose name is almost that of an optional one that is not there.

    Passed over, it would change what the numbers are about without a word.
    """
    others = [name for name in present if name not in wanted.names]
    absent = [n for n in wanted.optional if n not in present and n not in wanted.together]
    for name, other in itertools.product(absent, others):
        if is_misspelt(other, name):
            raise UserError(
                where,
                found=f"column {other!r}, which would not be read; did you mean {name!r}?",
                expected=f"the optional column {name!r} by its own name, or no such column",
                hint=f"rename it to {name!r} or, if it is something else, to a name less alike",
            )


def _read_csv(path: Path, wanted: Wanted) -> pl.DataFrame:
    header, table = read_csv(path, wanted.numbers)
    names = _recognised(header, wanted, path)
    return table.select(pl.col(str(place)).alias(name) for place, name in names.items())


def _read_parquet(path: Path, wanted: Wanted) -> pl.DataFrame:
    check_parquet(path)
    columns = list(pl.read_parquet_schema(path).items())
    kept: dict[str, str] = {}
    for place, name in _recognised([stored for stored, _ in columns], wanted, path).items():
        stored, dtype = columns[place]
        if name in wanted.names:
            require_plain(stored, dtype, path)
        if is_plain(dtype):
            kept[stored] = name
    table = pl.read_parquet(path, columns=list(kept)).rename(kept)
    return table.with_columns(plain(column, path) for column in table)


def _recognised(header: list[str], wanted: Wanted, where: object) -> dict[int, str]:
    """Place → name of each column that is read: the name wanted where it is that but for case."""
    by_fold = {folded(name): name for name in wanted.names}
    names = dict(enumerate(_renamed(list(map(clean_name, header)), wanted.renamed, where)))
    names = {
        place: name if name in wanted.names else by_fold.get(folded(name), name)
        for place, name in names.items()
        if name
    }
    _refuse_twins(header, names, where)
    present = list(names.values())
    _require(present, wanted.required, where)
    _refuse_near(present, wanted, where)
    return names


def with_names(table: pl.DataFrame, renames: Mapping[str, str], where: object) -> pl.DataFrame:
    """The table with columns under the names that are wanted, as `Wanted.renamed` has them."""
    names = _renamed(table.columns, renames, where)
    return table.select(
        pl.col(old).alias(new) for old, new in zip(table.columns, names, strict=True) if new
    )


def _renamed(header: list[str], renames: Mapping[str, str], where: object) -> list[str]:
    """The header after renaming; empty for columns whose name another one takes."""
    names = ["" if name in renames else name for name in header]
    for wanted, own in renames.items():
        same = [place for place, name in enumerate(header) if name == own]
        same = same or [p for p, name in enumerate(header) if folded(name) == folded(own)]
        if len(same) != 1:
            raise UserError(
                where,
                found=f"{len(same) or 'no'} columns {own!r}, to be read as {wanted!r}"
                f" (present: {', '.join(header[:_MOST_NAMED])})",
                expected="one",
                hint=nearest(own, header) or "name a column of the table: probability=prob",
            )
        names[same[0]] = wanted
    return names


def _labels(table: pl.DataFrame, wanted: Wanted) -> list[pl.Series]:
    typed = {*wanted.required, *wanted.optional}
    labels = [table[name] for name in wanted.also if name in table.columns and name not in typed]
    return [clean_text(column) for column in labels if column.dtype == pl.String]


def _refuse_twins(header: list[str], names: dict[int, str], where: object) -> None:
    places: dict[str, list[int]] = {}
    for place, name in names.items():
        places.setdefault(name, []).append(place)
    for name, same in places.items():
        if len(same) > 1:
            raise UserError(
                where,
                found=f"{len(same)} columns named {name!r}: "
                f"{', '.join(repr(header[place]) for place in same[:20])}",
                expected="each column once, whatever its case and spaces",
                hint="drop or rename all but one of them",
            )


def _refuse_other_files(path: Path) -> None:
    """Folders, files of another ending, and files that are not there."""
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in _HINTS)
        named = f", such as {path / inside[0]}" if inside else ""
        raise UserError(
            path, found="a folder", expected="a table", hint=f"name the table's own file{named}"
        )
    if path.suffix.lower() not in _HINTS:
        raise UserError(
            path,
            found=f"ending {path.suffix!r}",
            expected=".csv or .parquet",
            hint="save the table as CSV or Parquet, and name that file",
        )
    if not path.is_file():
        found = "no regular file" if path.exists() else "no such file"
        raise UserError(path, found=found, hint="check the path")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

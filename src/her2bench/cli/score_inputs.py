"""The tables that `her2bench score` reads, by their options: names of models and of columns."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from her2bench.core.errors import UserError, shown

Predictions = Annotated[
    list[str] | None,
    typer.Argument(
        help="Predictions, .csv or .parquet: one row per tile and model, with at least the columns "
        "tile_id, target (0 or 1), probability, and model (else the file's name is the model; "
        "NAME=FILE gives another), or with score, p0, p1, p2 and p3; give group_id (slide or "
        "patient) too, or every interval is too narrow.",
        metavar="[NAME=]FILE",
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name", metavar="NAME=FILE", help="A file and a name for its model; may be repeated."
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=COLUMN,...",
        help="Names of the columns in your table, for example probability=prob,model=arch.",
    ),
]


def named_files(
    files: Iterable[str] | None, named: Iterable[str] | None
) -> list[tuple[str | None, Path]]:
    """Each file with the name of its model, or None.

    >>> named_files(["b.csv"], ["old=a.csv"])[0][0], named_files(["b.csv"], None)[0][0]
    ('old', None)
    """
    found = [_named(text, "--name") for text in named or ()]
    found += [_named(text) for text in files or ()]
    if not found:
        raise UserError(
            "score",
            found="no file",
            expected="at least one table of predictions",
            hint="her2bench score predictions.csv; her2bench score --help lists the columns",
        )
    return found


def _named(text: str, option: str = "") -> tuple[str | None, Path]:
    name, equals, path = text.partition("=")
    if equals and name.strip() and path and (option or not Path(text).exists()):
        return name.strip(), Path(path)
    if option:
        raise UserError(option, found=shown(text), expected="NAME=FILE, such as old=a.csv")
    return None, Path(text)


def named_columns(texts: Iterable[str] | None) -> dict[str, str]:
    """Our name → the tables' own name of a column.

    >>> named_columns(["probability=prob,model=arch"])
    {'probability': 'prob', 'model': 'arch'}
    """
    pairs = [entry.partition("=") for text in texts or () for entry in text.split(",")]
    columns: dict[str, str] = {}
    for name, equals, column in pairs:
        if not (equals and name.strip() and column.strip()) or name.strip() in columns:
            raise UserError(
                "--columns",
                found=shown(f"{name}{equals}{column}"),
                expected="each name once, as NAME=COLUMN, such as probability=prob,model=arch",
            )
        columns[name.strip()] = column.strip()
    return columns


def named_ensembles(texts: Iterable[str] | None) -> dict[str, tuple[str, ...]]:
    """Ensembles by name, each with its models.

    >>> named_ensembles(["both=lenet,alexnet"])
    {'both': ('lenet', 'alexnet')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts or ():
        name, equals, models = text.partition("=")
        members = tuple(model.strip() for model in models.split(","))
        if not (equals and name.strip() and all(members)) or name.strip() in found:
            raise UserError(
                "--ensemble",
                found=shown(text),
                expected="each name once, as NAME=MODEL,MODEL, such as both=lenet,alexnet",
            )
        found[name.strip()] = members
    return found

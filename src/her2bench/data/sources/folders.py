"""A folder of tiles as a manifest: class from folders or names, slide from the names."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError, listed, shown
from her2bench.data.sources.folder_names import (
    SCORE_FOLDERS,
    SPLIT_FOLDERS,
    STATUS_FOLDERS,
    meaning,
    score_of,
)
from her2bench.data.sources.image_files import (
    IMAGE_ENDINGS,
    files_below,
    is_image,
    refuse_other_encodings,
)

Preset = Literal["her2-ihc-40x", "mist"]
PRESETS: dict[Preset, str] = {
    "her2-ihc-40x": r"^(?P<group>.+?)\s*\(\d+\)\.[^.]+$",
    "mist": r"^(?:.*_HER2_|HER2_)?(?P<group>.+?)_(?P<x>\d{1,9})_(?P<y>\d{1,9})\.[^.]+$",
}
"""Regular expressions of file names: `12 (3).jpg`, and `..._HER2_<slide>_<x>_<y>.jpg`."""
_PLACE = {"x": "slide_x", "y": "slide_y"}  # the manifest's x and y are regions within the file


@dataclass(frozen=True)
class FolderTiles:
    """The tiles of a folder.

    Attributes:
        table: the manifest: `tile_id` (the path below the folder), `path` (absolute), and, where
            they are known, `score`, `status`, `group_id`, `split`, `slide_x`, `slide_y`.
        passed_over: ending → number of the files that are no images.
        mixed_groups: slides (group_id) with tiles of more than one score or status.
        split_groups: slides (group_id) with tiles in more than one split.
    """

    table: pl.DataFrame
    passed_over: dict[str, int]
    mixed_groups: tuple[str, ...] = ()
    split_groups: tuple[str, ...] = ()

    @property
    def slides_known(self) -> bool:
        """Whether the slides of the tiles are known."""
        return "group_id" in self.table.columns


def folder_tiles(
    folder: Path,
    group_regex: str | None = None,
    score_regex: str | None = None,
    preset: Preset | None = None,
) -> FolderTiles:
    """The images below a folder as a manifest, sorted by path.

    Score and status come from the folders' names (`folder_names.meaning`), or the score from
    `score_regex`; the split from folders such as `train`.

    Args:
        folder: the folder.
        group_regex: finds the slide or patient in each file's name, as its group `group` or its
            first one; one that contains `/` searches the path below the folder.
        score_regex: finds the score in each path below the folder (`2+/a.png`), likewise.
        preset: the `group_regex` of a known layout.

    Raises:
        UserError: no such folder, no images, a regex that is wrong or does not match every file,
            or tiles without a class, of two classes, or with a split for some only.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.is_file() else "no such folder"
        raise UserError(folder, found=found, expected="a folder of tiles", hint="check the path")
    with reading(folder):
        files = sorted(path for path in files_below(folder) if path.is_file())
    images = [path for path in files if is_image(path)]
    refuse_other_encodings(images)
    if not images:
        endings = ", ".join(sorted(IMAGE_ENDINGS))
        raise UserError(folder, found="no image in it", expected=f"files ending in {endings}")
    names = [path.relative_to(folder).as_posix() for path in images]
    columns: dict[str, list] = {"tile_id": names, "path": [str(p.absolute()) for p in images]}
    columns |= _classes(folder, names, score_regex)
    columns |= _folder_column(folder, names, "split", SPLIT_FOLDERS)
    columns |= _groups(folder, names, group_regex, preset)
    table = pl.DataFrame(columns)
    others = (path.suffix.lower() or path.name for path in files if not is_image(path))
    labels = [name for name in ("score", "status") if name in columns]
    mixed = _several(table, labels)
    return FolderTiles(table, dict(Counter(others)), mixed, _several(table, ["split"]))


def _classes(folder: Path, names: list[str], regex: str | None) -> dict[str, list]:
    status = _folder_column(folder, names, "status", STATUS_FOLDERS)
    if regex is None:
        found = _folder_column(folder, names, "score", SCORE_FOLDERS) | status
        if found:
            return found
        raise UserError(
            folder / names[0],
            found="no folder on the way to it names a score or a status",
            expected=f"a folder per class: {SCORE_FOLDERS}; or {STATUS_FOLDERS}",
            hint=r"rename them, or read the score from the names: --score-regex '_(\d\+?)\.'",
        )
    matches = _matches(folder, names, regex, "--score-regex", lambda name: name)
    field = "score" if "score" in matches[0].re.groupindex else 1
    texts = [match[field] for match in matches]
    scores = [score_of(text or "") for text in texts]
    for name, text, score in zip(names, texts, scores, strict=True):
        if score is None:
            raise UserError(
                folder / name,
                found=f"--score-regex finds {shown(text)}",
                expected="0, 1, 2, 3, 1+, 2+ or 3+",
                hint="put brackets around the score alone",
            )
    return {"score": scores} | status


def _folder_column(folder: Path, names: list[str], kind: str, known: str) -> dict[str, list]:
    """Score, status or split of each file by its folders; nothing where no folder names one."""
    values = []
    for name in names:
        parts = name.split("/")[:-1]
        said = [part for part in parts if getattr(meaning(part), kind) is not None]
        if len(said) > 1:
            raise UserError(
                folder / name,
                found=f"{len(said)} folders name its {kind}: {', '.join(said)}",
                expected="one",
                hint="rename the one that means something else"
                + (", or read the score with --score-regex" if kind == "score" else ""),
            )
        values.append(getattr(meaning(said[0]), kind) if said else None)
    missing = [name for name, value in zip(names, values, strict=True) if value is None]
    if len(missing) == len(names):
        return {}
    if missing:
        raise UserError(
            folder / missing[0],
            found=f"no folder on the way to it names a {kind}; so for {len(missing)} of "
            f"{len(names)} images, the others have one",
            expected=f"a folder for every image: {known}",
            hint="rename or move these folders"
            + (", or read the score with --score-regex" if kind == "score" else ""),
        )
    return {kind: values}


def _groups(
    folder: Path, names: list[str], regex: str | None, preset: Preset | None
) -> dict[str, list]:
    """`group_id` of each file, and its place on the slide where the regex has it."""
    if preset is not None and preset not in PRESETS:
        known = ", ".join(("bci", *PRESETS))
        raise UserError("--preset", found=shown(preset), expected=f"one of {known}")
    if regex is None and preset is None:
        return {}
    option = "--group-regex" if preset is None or regex else f"--preset {preset}"
    regex = regex or PRESETS[preset]  # type: ignore[index]
    searched = (lambda name: name) if "/" in regex else (lambda name: name.split("/")[-1])
    matches = _matches(folder, names, regex, option, searched)
    fields = matches[0].re.groupindex
    ids = [match["group" if "group" in fields else 1] for match in matches]
    for name, text in zip(names, ids, strict=True):
        if not (text or "").strip():
            raise UserError(
                folder / name, found=f"{option} finds an empty name", expected="a slide"
            )
    known = {} if option == "--group-regex" else _PLACE
    places = {new: [int(m[old]) for m in matches] for old, new in known.items() if old in fields}
    return {"group_id": ids, **places}


def _matches(
    folder: Path, names: list[str], regex: str, option: str, searched: Callable[[str], str]
) -> list[re.Match[str]]:
    """The match of each file; every file must match."""
    try:
        form = re.compile(regex)
    except re.error as error:
        raise UserError(
            option, found=f"'{regex}': {error}", expected="a regular expression"
        ) from error
    if not form.groups:
        raise UserError(
            option,
            found=f"'{regex}' has no group",
            expected=r"brackets around what is read, such as '(\d+) \('",
            hint="write a literal bracket as \\(",
        )
    matches = [form.search(searched(name)) for name in names]
    wrong = [name for name, match in zip(names, matches, strict=True) if match is None]
    if wrong:
        raise UserError(
            folder / wrong[0],
            found=f"{option} '{regex}' does not match it; so for {len(wrong)} of {len(names)} "
            f"images:{listed(wrong, 5)}",
            expected="a match in every name",
            hint="correct the regex, or move these files elsewhere",
        )
    return [match for match in matches if match is not None]


def _several(table: pl.DataFrame, kinds: list[str]) -> tuple[str, ...]:
    """The slides whose tiles differ in one of some columns."""
    kinds = [kind for kind in kinds if kind in table.columns]
    if "group_id" not in table.columns or not kinds:
        return ()
    counts = table.group_by("group_id").agg(pl.col(kinds).n_unique())
    mixed = counts.filter(pl.any_horizontal(pl.col(kinds) > 1))
    return tuple(mixed["group_id"].sort())

"""Many slides, one after another: finished ones are kept, failed ones are named at the end."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from her2bench.core.atomic_io import LOCK, check_writable, working_alone
from her2bench.core.checksums import checksum
from her2bench.core.console import progress
from her2bench.core.errors import UserError, listed
from her2bench.core.tables import write_table
from her2bench.data.decoding.reading import SourceImage, UnreadableImage, open_image
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.predictor import Predictor
from her2bench.prediction.slides.slide_folder import finished, write_slide
from her2bench.prediction.slides.slide_prediction import predict_slide
from her2bench.prediction.slides.slide_tiles import SlideTiling, side_on
from her2bench.prediction.slides.summary import row_of, summary_of

SLIDES = "slides.csv"
_ENDS = 65_536  # bytes at each end of a slide's file by which it is recognised


@dataclass(frozen=True)
class SlideOptions:
    """What `predict` does with slides.

    Attributes:
        tiling: how they are divided.
        table: the tiles' table, csv or parquet.
        gzipped: `.geojson.gz` in place of `.geojson`.
        overwrite: replace slides that were predicted otherwise.
        skip_bad: go on without the slides that cannot be predicted.
    """

    tiling: SlideTiling = field(default_factory=SlideTiling)
    table: str = "csv"
    gzipped: bool = False
    overwrite: bool = False
    skip_bad: bool = False


def predict_slides(
    paths: list[Path],
    predictor: Predictor,
    out: Path,
    options: SlideOptions,
    tell: Callable[[str], object] = lambda text: None,
) -> tuple[list[dict[str, Any]], list[UserError]]:
    """Predict slides into a folder for each, and write slides.csv.

    Args:
        paths: the slides.
        predictor: the networks.
        out: the folder of the slides' folders.
        options: tiling and files.
        tell: given a line for each slide.

    Returns:
        The summaries, and what was wrong with each slide left out (with `skip_bad`).

    Raises:
        UserError: a slide cannot be predicted; those that were finished are kept.
    """
    options.tiling.check()
    check_writable(out, "-o")
    ready_cpu()
    work = [_Slide(path, out / name) for name, path in zip(slide_names(paths), paths, strict=True)]
    work, bad = _checked(work, predictor, options)
    new, summaries = not out.exists(), []
    with working_alone(out):
        for number, slide in enumerate(work, start=1):
            try:
                summaries.append(_done(slide, predictor, options))
                _write_rows(summaries, out)
                tell(f"[{number}/{len(work)}] {_line(summaries[-1])}")
            except UserError as error:
                if error.where != str(slide.path):
                    raise  # of the disk or the network, not of this slide
                bad.append(error)
    if new and not summaries:
        (out / LOCK).unlink(missing_ok=True)
        out.rmdir()
    _refuse(bad, options.skip_bad and bool(summaries))
    return summaries, bad


@dataclass(frozen=True)
class _Slide:
    path: Path
    folder: Path

    def settings(self, predictor: Predictor, options: SlideOptions) -> dict[str, Any]:
        """What decides the slide's files, as JSON has it."""
        runs = [each.run for each in predictor.ensemble.members]
        sums = [checksum(run.path if run.path.is_file() else run.weights) for run in runs]
        scaling, rule = predictor.ensemble.scaling, predictor.slide_rule
        return {
            "slide": _fingerprint(self.path),
            "model": hashlib.sha256(" ".join(sums).encode()).hexdigest()[:16],
            "threshold": predictor.threshold,
            "calibration": list(scaling) if scaling else None,
            "slide_level": None if isinstance(rule, str) else asdict(rule),
            **asdict(options.tiling),
            "table": options.table,
            "gzipped": options.gzipped,
        }


def _checked(
    work: list[_Slide], predictor: Predictor, options: SlideOptions
) -> tuple[list[_Slide], list[UserError]]:
    """The slides that can be opened and divided; what is wrong with others, before any work."""
    good, bad = [], []
    for slide in work:
        try:
            if not options.overwrite:
                finished(slide.folder, slide.settings(predictor, options))
            with _opened(slide.path) as image:
                side_on(slide.path, image, predictor.scale, options.tiling)
            good.append(slide)
        except UserError as error:
            bad.append(error)
    _refuse(bad, options.skip_bad and bool(good))
    return good, bad


def _done(slide: _Slide, predictor: Predictor, options: SlideOptions) -> dict[str, Any]:
    """The summary of a slide, predicted now unless it was before."""
    settings = slide.settings(predictor, options)
    try:
        if found := finished(slide.folder, settings):
            return found
    except UserError:
        if not options.overwrite:
            raise
    with _opened(slide.path) as image, progress("tiles") as bar:
        task = bar.add_task(slide.folder.name, total=None)

        def advance(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        name, tiling = slide.folder.name, options.tiling
        predicted = predict_slide(name, slide.path, image, predictor, tiling, advance)
    summary = summary_of(predicted, predictor, settings)
    write_slide(predicted, summary, slide.folder, options.table, options.gzipped)
    return summary


@contextmanager
def _opened(path: Path) -> Iterator[SourceImage]:
    """The open slide; what makes it unreadable becomes a message for the user."""
    try:
        image = open_image(path)
        try:
            yield image
        finally:
            image.close()
    except UnreadableImage as error:
        raise UserError(
            path,
            found=f"cannot be read: {error}",
            expected="a slide that OpenSlide reads, or a TIFF, JPEG or PNG",
            hint="open it in a viewer; copy it again from its source",
        ) from error


def slide_names(paths: list[Path]) -> list[str]:
    """A folder name for each slide: its stem, where several have it with folder, then a number.

    >>> slide_names([Path("a/x.svs"), Path("b/x.svs"), Path("y.tiff")])
    ['a_x', 'b_x', 'y']
    """
    names = [path.stem for path in paths]
    longer = [f"{path.absolute().parent.name}_{path.name}".rpartition(".")[0] for path in paths]
    for other in (longer, [f"{name}_{place}" for place, name in enumerate(longer, start=1)]):
        counts = Counter(name.casefold() for name in names)
        names = [o if counts[n.casefold()] > 1 else n for n, o in zip(names, other, strict=True)]
    return names


def _fingerprint(path: Path) -> str:
    """Name and size of a file, and a checksum of its two ends: a slide is too large for more."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        ends = stream.read(_ENDS)
        stream.seek(max(0, size - _ENDS))
        ends += stream.read(_ENDS)
    return f"{path.name}, {size} bytes, {hashlib.sha256(ends).hexdigest()[:16]}"


def _refuse(bad: list[UserError], skip: bool) -> None:
    if not bad or skip:
        return
    if len(bad) == 1:
        raise bad[0]
    raise UserError(
        "slides",
        found=f"{len(bad)} cannot be predicted:{listed(str(each) for each in bad)}",
        hint="correct these, or leave them out with --skip-bad; finished slides are kept",
    )


def _write_rows(summaries: list[dict[str, Any]], out: Path) -> None:
    write_table(pl.DataFrame([row_of(each) for each in summaries]), out / SLIDES)


def _line(summary: dict[str, Any]) -> str:
    share = summary["share_predicted_positive"]
    unreadable = summary["unreadable_tiles"]
    more = f", {unreadable} tiles could not be read" if unreadable else ""
    return f"{summary['slide']}: {summary['tiles']} tiles, {share:.0%} predicted positive{more}"

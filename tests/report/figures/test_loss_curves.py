"""Loss curves: whole epochs, one scale, and what leaves it is marked."""

import polars as pl
from matplotlib.figure import Figure

from her2bench.report.figures.loss_curves import losses


def run(values: list[float]) -> pl.DataFrame:
    epochs = list(range(1, len(values) + 1))
    return pl.DataFrame({"seed": 0, "fold": 0, "epoch": epochs, "val_loss": values})


def ticks(values: list[float]) -> list[float]:
    axes = Figure().subplots()
    losses(axes, run(values))
    low, high = axes.get_xlim()
    return [tick for tick in axes.get_xticks() if low <= tick <= high]


def test_ticks_are_epochs_counted_as_in_the_file() -> None:
    assert ticks([0.5]) == [1]
    assert ticks([0.5, 0.4]) == [1, 2]
    assert all(tick == round(tick) for tick in ticks([0.5] * 30))


def test_a_loss_beyond_the_axis_is_marked_at_its_edge() -> None:
    axes = Figure().subplots()
    losses(axes, run([0.5, 3.0, 0.4]), top=1.0)
    assert axes.get_ylim() == (0, 1)
    (mark,) = [line for line in axes.lines if line.get_marker() == "^"]
    assert mark.get_xydata().tolist() == [[2, 1.0]]
    assert not mark.get_clip_on()


def test_without_one_there_is_no_mark() -> None:
    axes = Figure().subplots()
    losses(axes, run([0.5, 0.4]), top=1.0)
    assert [line.get_marker() for line in axes.lines] == ["None"]

"""Names of points in a column beside the axes, none over another, each with a line to its point."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from her2bench.report.figures.palette import INK

_SIZE = 8.5  # points
LINE = 1.4 * _SIZE / 72  # inches: a line of a name


def label_column(
    axes: Axes,
    names: Sequence[list[str]],
    points: Sequence[tuple[float, float]],
    colours: Sequence[str],
) -> None:
    """Write the names on the right, in the order of the points from below.

    Args:
        axes: with its limits; they stay.
        names: of each point, its lines.
        points: what each name is of, in units of the axes.
        colours: of the lines.
    """
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top)
    figure: Any = axes.figure
    line = LINE / (axes.get_window_extent().height / figure.dpi)
    order = sorted(range(len(points)), key=lambda i: points[i][1])
    wanted = [(points[i][1] - bottom) / (top - bottom) for i in order]
    places = spread([*wanted], [line * len(names[i]) for i in order])
    for i, place in zip(order, places, strict=True):
        axes.annotate(
            "\n".join(names[i]),
            xy=points[i],
            xytext=(1.05, place),
            textcoords="axes fraction",
            va="center",
            color=INK,
            fontsize=_SIZE,
            parse_math=False,
            annotation_clip=False,
            arrowprops={
                **{"arrowstyle": "-", "color": colours[i], "linewidth": 0.7, "alpha": 0.55},
                **{"shrinkA": 2, "shrinkB": 3, "relpos": (0, 0.5)},
            },
        )


def spread(wanted: list[float], heights: list[float]) -> list[float]:
    """Places of labels, from the lowest up: as near to those wanted as none over another allows.

    >>> spread([0.5, 0.5, 0.9], [0.1, 0.1, 0.1])
    [0.45, 0.55, 0.9]
    """
    blocks: list[list[int]] = []  # labels that touch

    def tall(block: list[int]) -> float:
        return sum(heights[i] for i in block)

    def middle(block: list[int]) -> float:
        mean, half = sum(wanted[i] for i in block) / len(block), tall(block) / 2
        return min(max(mean, half), max(1 - half, half))

    for i in range(len(wanted)):
        blocks.append([i])
        while len(blocks) > 1:
            below, above = blocks[-2:]
            if middle(above) - middle(below) >= (tall(below) + tall(above)) / 2:
                break
            blocks[-2:] = [below + above]
    places = []
    for block in blocks:
        start = middle(block) - tall(block) / 2
        for i in block:
            places.append(round(start + heights[i] / 2, 9))
            start += heights[i]
    return places

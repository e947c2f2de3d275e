"""The IHC score of drawn cells, by the ASCO/CAP wording on intensity and completeness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAINT, COMPLETE, INTENSE = 0.5, 1.5, 2.5  # expression at which each kind of staining begins
MORE_THAN = 0.10  # the rule's share of tumour cells
FEWEST_CELLS = 10  # fewer tumour cells than this are no tumour to score


@dataclass(frozen=True)
class Staining:
    """How each cell's membrane is stained.

    Attributes:
        density: (n,), DAB optical density of the membrane at a stain strength of 1.
        completeness: (n,), share of the cell's circumference that is stained, 0 to 1.
    """

    density: NDArray[np.float32]
    completeness: NDArray[np.float32]


def stain(expression: NDArray[np.float32]) -> Staining:
    """The staining that a cell's expression (about -1 to 4) brings about.

    None below 0.5; faint and incomplete to 1.5; weak to moderate and complete to 2.5; complete
    and intense above.
    """
    density = 0.055 * np.exp(1.2 * (np.minimum(expression, 3.6) - FAINT))
    density = np.where(expression < FAINT, 0, density)
    partial = 0.15 + 0.6 * (expression - FAINT)
    completeness = np.where(expression < COMPLETE, np.clip(partial, 0, 0.75), 1)
    completeness = np.where(expression < FAINT, 0, completeness)
    return Staining(density.astype(np.float32), completeness.astype(np.float32))


_INTENSE_DENSITY = float(stain(np.array([INTENSE], np.float32)).density[0])


def score_of(staining: Staining) -> int | None:
    """The score of a tile or slide from its tumour cells; None without tumour to score.

    3: complete and intense in more than 10% of tumour cells. 2: complete, weak to moderate, in
    more than 10% (intense cells count as well). 1: incomplete and faint in more than 10%.
    0: anything less.

    >>> faint = stain(np.full(100, 1.0, np.float32))
    >>> score_of(faint)
    1
    """
    if len(staining.density) < FEWEST_CELLS:
        return None
    complete = staining.completeness >= 0.9
    intense = complete & (staining.density >= _INTENSE_DENSITY)
    shares = [np.mean(cells) for cells in (staining.density > 0, complete, intense)]
    return sum(bool(share > MORE_THAN) for share in shares)


def expression_limits(spread: float) -> NDArray[np.float64]:
    """Mean expression at which a normal population of cells reaches score 1, 2 and 3.

    Args:
        spread: standard deviation of the cells' expression, all causes together.

    Returns:
        (3,): where more than 10% of the cells pass 0.5, 1.5 and 2.5.

    >>> expression_limits(0.5).round(2).tolist()
    [-0.14, 0.86, 1.86]
    """
    return np.array([FAINT, COMPLETE, INTENSE]) - 1.2816 * spread

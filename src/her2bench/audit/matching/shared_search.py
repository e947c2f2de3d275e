"""A search that several checks need, made once for the same observations."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from her2bench.audit.features.extraction import Observations

Result = TypeVar("Result")


def remembered(search: Callable[[Observations], Result]) -> Callable[[Observations], Result]:
    """The search, its last result kept and given again for the same observations."""
    last: list[tuple[weakref.ref[Observations], Result]] = []

    @wraps(search)
    def once(observations: Observations) -> Result:
        if not last or last[0][0]() is not observations:
            last[:] = [(weakref.ref(observations), search(observations))]
        return last[0][1]

    return once

"""Who is notified of a training's progress."""

from collections.abc import Callable
from dataclasses import dataclass

from her2bench.training.epochs import Epoch


@dataclass(frozen=True)
class Listener:
    """Notified of a training: `epoch` of each one, `trained` of the share of its tiles done."""

    epoch: Callable[[Epoch], None] = lambda row: None
    trained: Callable[[float], None] = lambda share: None


SILENT = Listener()

"""What a user should know although the command goes on: one line on stderr."""

import logging

_LOGGER = logging.getLogger("her2bench")


def note(where: object, text: str) -> None:
    """Tell it at once; a program that uses the library decides through `logging`."""
    _LOGGER.warning("note: %s: %s", where, text)

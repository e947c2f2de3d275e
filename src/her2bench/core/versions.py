"""Which versions of what are at work."""

import platform
from importlib.metadata import PackageNotFoundError, version

from her2bench import __version__


def versions(*packages: str) -> dict[str, str]:
    """Python's version, her2bench's and that of each package that is installed."""
    found = {"Python": platform.python_version(), "her2bench": __version__}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

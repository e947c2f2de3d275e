"""Which versions of what are at work."""

import platform
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str]:
    """Python's version, her2bench's and that of each package that is installed."""
    found = {"Python": platform.python_version()}
    for name in ("her2bench", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""What is not installed is named, with the extra that installs it."""

import sys

import pytest

from her2bench.core.errors import UserError
from her2bench.core.extras import EXTRA_OF, needs_extra


@pytest.mark.parametrize(("package", "extra"), EXTRA_OF.items())
def test_a_missing_package_names_its_extra(monkeypatch, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"her2bench\[{extra}\]"), needs_extra("compare"):
        __import__(package)


def test_the_server_names_its_own_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r"her2bench\[serve\]"), needs_extra("serve"):
        __import__("torch")


def test_other_missing_packages_are_errors_of_their_own():
    with pytest.raises(ModuleNotFoundError, match="no_such"), needs_extra("compare"):
        import no_such  # noqa: F401  # type: ignore[import-not-found]

"""pyproject.toml agrees with the files beside it."""

import re
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(lines: list[str]) -> list[str]:
    """Names of packages, as their index compares them."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in lines)
    return [re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match]


def test_every_dependency_is_pinned_once():
    pinned = Counter(names((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()))
    extras = PROJECT["optional-dependencies"].values()
    wanted = names([*PROJECT["dependencies"], *(line for extra in extras for line in extra)])
    wanted = [name for name in wanted if name != "her2bench"]  # an extra made of others
    assert {name: pinned[name] for name in wanted if pinned[name] != 1} == {}


def test_the_workflow_runs_every_python_that_the_classifiers_name():
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert re.findall(r"3\.\d+", matrix) == classified
    assert PROJECT["requires-python"] == f">={classified[0]}"

"""Configs: TOML files, and `--set` texts on top of one."""

import json
from pathlib import Path
from random import Random
from typing import Any

import tomli_w

from fuzz.mutation import mutated, name, number, text
from fuzz.workspace import Workspace
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings, settings_from, to_toml

CONFIG: dict[str, Any] = {
    "manifest": "manifest.csv",
    "endpoint": "2+",
    "models": ["lenet", "alexnet"],
    "baselines": ["always_positive"],
    "seeds": [0, 1],
    "size": 64,
    "split": {"kind": "grouped-kfold", "folds": 3, "validation": 0.2, "seed": 1},
    "recipe": {
        "epochs": 3,
        "batch": 16,
        "learning_rates": {"lenet": [1e-4], "alexnet": [1e-5, 3e-4]},
        "augment": ["flip"],
        "normalise": True,
        "keep": "last",
    },
    "score": {"threshold": {"kind": "fixed", "logit": 0.5}, "by": ["scanner"], "bins": 10},
}
_LITERALS = (
    *("true", "false", "[]", "{}", "[[1]]", "[1, 'a', []]", "{ a = 1 }", "1979-05-27", "07:32:00"),
    *("1979-05-27T07:32:00Z", '""', "'''x'''", '"\\u0000"', "0x7fffffffffffffff", "0b1", "+nan"),
    *("[" * 3000, "[" * 300 + "]" * 300, "{a=" * 200 + "1" + "}" * 200, "-inf", "9" * 5000),
)


class Configs:
    """TOML files of a comparison."""

    def __init__(self, workspace: Workspace) -> None:
        pass

    def make(self, rng: Random) -> tuple[str, bytes]:
        text = tomli_w.dumps(CONFIG)
        for _ in range(rng.choice((0, 1, 1, 2))):
            text = _line_changed(text, rng)
        coding = rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16"))
        data = text.encode(coding, "surrogatepass" if coding == "utf-16" else "surrogateescape")
        return ".toml", mutated(data, rng) if rng.random() < 0.4 else data

    def read(self, path: Path, rng: Random) -> None:
        _there_and_back(load_settings(ComparisonConfig, path), path)


class Overrides:
    """`--set` texts, kept as a JSON list."""

    def __init__(self, workspace: Workspace) -> None:
        self._config = workspace.place / "config.toml"
        self._config.write_text(tomli_w.dumps(CONFIG), encoding="utf-8")

    def make(self, rng: Random) -> tuple[str, bytes]:
        return ".json", json.dumps([_override(rng) for _ in range(rng.randint(1, 3))]).encode()

    def read(self, path: Path, rng: Random) -> None:
        overrides = json.loads(path.read_text(encoding="utf-8"))
        _there_and_back(load_settings(ComparisonConfig, self._config, overrides), path)


def _there_and_back(settings: ComparisonConfig, path: Path) -> None:
    path.with_suffix(".again").write_text(to_toml(settings), encoding="utf-8", newline="\n")
    again = load_settings(ComparisonConfig, path.with_suffix(".again"))
    assert repr(again) == repr(settings), f"the settings written are not those read: {again!r}"
    settings_from(ComparisonConfig, settings.model_dump(mode="json", exclude_none=True), path)


def keys(data: dict[str, Any], prefix: str = "") -> list[str]:
    """All keys of nested tables, with dots."""
    found = []
    for key, value in data.items():
        inside = keys(value, f"{prefix}{key}.") if isinstance(value, dict) else []
        found += [f"{prefix}{key}", *inside]
    return found


def literal(rng: Random) -> str:
    """A value as TOML, or what is nearly one."""
    return rng.choice(
        (number(rng), rng.choice(_LITERALS), json.dumps(text(rng)), text(rng), f"[{number(rng)}]")
    )


def _override(rng: Random) -> str:
    key = rng.choice(keys(CONFIG))
    if rng.random() < 0.3:
        parts = key.split(".")
        parts[rng.randrange(len(parts))] = name(parts[-1], rng)
        key = ".".join(parts)
    if rng.random() < 0.05:
        key = rng.choice(("a." * 2000 + "b", ".", "..", "=", key + ".deeper", " " + key))
    return rng.choice((f"{key}={literal(rng)}",) * 8 + (key, f"{key}==1", text(rng)))


def _line_changed(config: str, rng: Random) -> str:
    lines = config.splitlines()
    i = rng.randrange(len(lines))
    key, equals, _ = lines[i].partition(" = ")
    lines[i] = rng.choice(
        (
            f"{key} = {literal(rng)}",
            f"{key} = {literal(rng)}",
            f"{name(key, rng)}{equals}{literal(rng)}",
            lines[i] + "\n" + lines[i],
            f"[{text(rng)}]",
            f"[{'.'.join('a' * 500)}]",
            "",
        )
    )
    return "\n".join(lines)

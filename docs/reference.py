"""Writes the pages Settings, Configs and Python from the code, as a hook of mkdocs."""

import inspect
import json
import re
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import her2bench as hb
from her2bench.api.results import AuditResults, ComparisonResults, ScoreResults
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import setting_fields
from her2bench.core.packaged_configs import packaged_configs
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.phantom import PhantomSettings
from her2bench.prediction.exported.exporting import Exported
from her2bench.prediction.trained_model import TilePredictions, TrainedModel

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

LARGE = 2**31
EXAMPLE = re.compile(r"^(>>> .*(?:\n.+)*)", re.MULTILINE)
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
HEADS = ("Args", "Attributes", "Returns", "Raises", "Source")
SETTINGS = """# Settings

Every setting of a config, `her2bench compare CONFIG`. A config is a TOML file; on the command line
`--set recipe.epochs=3` overrides a setting, from Python `overrides=["recipe.epochs=3"]`.
Without a default, a setting must be given. Paths, in a config as with `--set`, are relative to the
working directory. `comparison.toml` in a comparison folder holds every setting that was used.
"""
CONFIGS = """# Configs that come with the package

`her2bench compare sound` takes the config `sound` from the package, wherever you are; a file of
that name comes first. To change more than a `--set` does, copy the text into a file of your own.
"""
PYTHON = """# Python

`import her2bench as hb`; everything is imported when it is first used. Whatever a user can correct
is raised as `hb.UserError`.
"""


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Add the generated pages."""
    from mkdocs.structure.files import File

    pages = {"settings.md": settings_page, "configs.md": configs_page, "python.md": python_page}
    for name, page in pages.items():
        files.append(File.generated(config, name, content=page()))
    return files


def settings_page() -> str:
    """Every setting of a comparison and of a phantom, one table per section."""
    names = ", ".join(f"`{name}`" for name in METRICS)
    parts = [SETTINGS, f"Metrics, for `score.primary`: {names}.\n"]
    parts += _sections(ComparisonConfig, "Of a comparison")
    return "\n".join([*parts, *_sections(PhantomSettings, "Of a phantom (`her2bench phantom`)")])


def configs_page() -> str:
    """Each packaged config, as it is."""
    found = packaged_configs("compare") | packaged_configs("phantom")
    texts = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    return "\n".join([CONFIGS, *(f"## {n}\n\n```toml\n{t}```\n" for n, t in texts.items())])


def python_page() -> str:
    """The public names with their docstrings."""
    parts = [PYTHON, *(_entry(f"hb.{n}", getattr(hb, n)) for n in hb.__all__ if n != "plot")]
    drawn = [n for n, f in vars(hb.plot).items() if inspect.isfunction(f) and n[0] != "_"]
    ours = [n for n in drawn if getattr(hb.plot, n).__module__ == hb.plot.__name__]
    parts += [_entry(f"hb.plot.{n}", getattr(hb.plot, n)) for n in ours]
    results = (ScoreResults, ComparisonResults, AuditResults)
    classes = (*results, TrainedModel, TilePredictions, Exported)
    return "\n".join([*parts, *(_entry(f"{c.__module__}.{c.__name__}", c) for c in classes)])


def meaning(owner: type[BaseModel], name: str) -> str:
    """What a setting means: its description, else its line under "Attributes" of the docstring."""
    return owner.model_fields[name].description or _items(_sections_of(owner)["Attributes"])[name]


def _sections(kind: type[BaseModel], title: str) -> list[str]:
    tables: dict[str, list[str]] = {}
    for key, owner in setting_fields(kind).items():
        section, _, name = key.rpartition(".")
        field = owner.model_fields[name]
        cells = f"`{name}`", _type_of(field), _default(field), meaning(owner, name)
        row = " | ".join(cell.replace("|", "\\|") for cell in cells)
        tables.setdefault(section, []).append(f"| {row} |")
    head = "\n| setting | type | default | meaning |\n| --- | --- | --- | --- |\n"
    return [
        f"## {f'`[{section}]`' if section else title}\n{head}" + "\n".join(rows) + "\n"
        for section, rows in tables.items()
    ]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "the section below"
    return "not set" if value is None else f"`{json.dumps(value)}`"


def _type_of(field: FieldInfo) -> str:
    """The type and the bounds; those that no one reaches are left out."""
    pairs = [
        (sign, getattr(m, name, None)) for m in field.metadata for name, sign in BOUNDS.items()
    ]
    bounds = [
        f"{sign} {x:,}".removesuffix(".0") for sign, x in pairs if x is not None and x < LARGE
    ]
    return ", ".join([_type(field.annotation), *bounds])


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in inner if each is not type(None))
    if origin is tuple:
        return f"list: {_type(inner[0])}"
    if origin is dict:
        return "table by name"
    if issubclass(annotation, BaseModel):
        return "section"
    names = {"str": "text", "Path": "path", "int": "whole number", "float": "number"}
    return {**names, "bool": "true or false"}[annotation.__name__]


def _entry(title: str, thing: Any) -> str:
    parts = _sections_of(thing)
    kind = "class " if inspect.isclass(thing) else ""
    text = [f"## {title}\n", f"```python\n{kind}{thing.__name__}{_signature(thing)}\n```\n"]
    text += [parts.pop("")]
    if inspect.isclass(thing):
        text += ["", *_members(thing)]
    for head, body in parts.items():
        entries = _items(body) if head in ("Args", "Attributes", "Raises") else {}
        listed = [f"- `{name}`: {about}" for name, about in entries.items()]
        text += [f"\n**{head}**\n", *(listed or [body])]
    return "\n".join([*text, ""])


def _members(kind: type) -> list[str]:
    """The public methods and properties of a class, with the first line of their docstrings."""
    found = {n: m for n, m in inspect.getmembers(kind) if n[0] != "_" and inspect.getdoc(m)}
    ours = {n: m for n, m in found.items() if callable(m) or isinstance(m, property)}
    lines = {n: (inspect.getdoc(m) or "").splitlines()[0] for n, m in ours.items()}
    return [f"- `.{n}{'()' if callable(ours[n]) else ''}`: {line}" for n, line in lines.items()]


def _signature(thing: Any) -> str:
    """The parameters with their defaults; the text names their types."""
    found = inspect.signature(thing)
    bare = [
        p.replace(
            annotation=p.empty,
            default=getattr(p.default, "__name__", "...") if callable(p.default) else p.default,
        )
        if p.default is not p.empty
        else p.replace(annotation=p.empty)
        for p in found.parameters.values()
    ]
    return str(inspect.Signature(bare))


def _sections_of(thing: Any) -> dict[str, str]:
    """The parts of a docstring: the text under "", then heading → body without its indent."""
    parts: dict[str, list[str]] = {"": []}
    name = ""
    for line in (inspect.getdoc(thing) or "").splitlines():
        if line.rstrip(":") in HEADS and line.endswith(":"):
            name = line.rstrip(":")
        parts.setdefault(name, []).append("" if line == f"{name}:" else line)
    texts = {name: inspect.cleandoc("\n" + "\n".join(lines)) for name, lines in parts.items()}
    return {name: EXAMPLE.sub(r"```python\n\1\n```", text) for name, text in texts.items()}


def _items(body: str) -> dict[str, str]:
    """`name: text` entries, each with the lines indented under it."""
    found = re.findall(r"^([*\w, .]+): ((?:.+)(?:\n[ \t]+.+)*)", body, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for name, text in found}


if __name__ == "__main__":
    for page in (settings_page, configs_page, python_page):
        print(page())

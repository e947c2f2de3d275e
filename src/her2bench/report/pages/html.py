"""Templates, styles and scripts of every page, all inside one file."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from her2bench.core.vocabulary import model_label
from her2bench.report import formats
from her2bench.report.labels import relabelled
from her2bench.report.unit import in_unit


def environment(unit: str = "slide") -> Environment:
    """The templates. Names of models, slides and tiles are the user's text: all is escaped.

    Args:
        unit: of independence; the templates' own text says it instead of slide.
    """
    loader, word = PackageLoader("her2bench.report"), in_unit(unit)

    def source(name: str) -> str:
        return word(loader.get_source(made, name)[0])

    made = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {
        "num": formats.number,
        "short": formats.short,
        "p": formats.p_value,
        "duration": formats.duration,
        "rate": formats.rate,
        "score": formats.score,
        "label": model_label,
        "relabelled": relabelled,
        "difference": formats.difference,
        "in_unit": word,
    }
    return made


def assets(styles: tuple[str, ...], scripts: tuple[str, ...]) -> dict[str, str]:
    """`style`, `script` and `script_hash`, the one script that the page's policy lets run."""
    folder = files("her2bench.report").joinpath("assets")

    def text(names: tuple[str, ...]) -> str:
        parts = [folder.joinpath(name).read_text(encoding="utf-8") for name in names]
        return "\n".join(parts).replace("\r\n", "\n")

    script = text(scripts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"style": Markup(text(styles)), "script": Markup(script), "script_hash": digest}


def data_uri(kind: str, content: bytes) -> str:
    """A picture as a data URI; `kind` is jpeg or png."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

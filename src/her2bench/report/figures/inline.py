"""From a figure's SVG file to SVG inside the page: own ids, CSS colours, the page's type."""

import re
from html import escape

from her2bench.report.figures.palette import VARIABLES

_COLOURS = re.compile("|".join(VARIABLES), re.IGNORECASE)


def inlined(svg: str, name: str, title: str) -> str:
    """The `<svg>` element for the page.

    Ids get the figure's name in front, because a page holds many figures; colours become CSS
    variables; no address of any kind is left in it.

    >>> inlined('<svg width="9pt" viewBox="0 0 9 9"><g id="a"/></svg>', "roc", "ROC")
    '<svg role="img" aria-label="ROC" viewBox="0 0 9 9"><g id="roc-a"/></svg>'
    """
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    head, rest = body.split(">", 1)
    view = re.search(r'viewBox="[^"]*"', head)
    head = f'<svg role="img" aria-label="{escape(title)}" {view.group() if view else ""}>'
    rest = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\1{name}-", rest)
    rest = rest.replace("xlink:href=", "href=")
    # Both `font: 9px 'DejaVu Sans', …` and `font-family: …` give way to the page's own type.
    rest = re.sub(r"font: ((?:[\w.]+ )*?)([\d.]+px) [^;\"]+", _font, rest)
    rest = _COLOURS.sub(lambda match: f"var({VARIABLES[match.group().lower()]})", rest)
    return head + rest


def _font(match: re.Match[str]) -> str:
    weight = "; font-weight: 700" if re.search(r"700|bold", match.group(1)) else ""
    return f"font-size: {match.group(2)}{weight}"

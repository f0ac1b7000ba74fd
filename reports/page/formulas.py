"""Formulas of a report as MathML; as the text that stands there where they are none.

A report may come from anywhere. What the converter made is parsed again, and only elements and
attributes that draw are let through: no link, no style, no script.
"""

from __future__ import annotations

from functools import lru_cache
from xml.etree import ElementTree

from markupsafe import Markup, escape

from lossproof.reports import formula
from lossproof.reports.text import visible

ELEMENTS = {
    "math", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom",
    "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd",
    "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
ATTRIBUTES = {
    "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "display",
    "displaystyle", "fence", "form", "largeop", "linethickness", "lspace", "mathvariant", "maxsize",
    "minsize", "movablelimits", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator",
    "stretchy", "symmetric", "width", "height", "depth", "class",
}  # fmt: skip
CLASSES = {"word", "name"}


@lru_cache(maxsize=512)
def line(tex: str) -> Markup:
    """The equations of one line; the LaTeX itself, as code, where it cannot be shown."""
    tex = visible(tex)
    try:
        made = formula.equations(tex)
        for equation in made:
            _require_harmless(equation)
    except Exception:  # whatever the converter stumbles over, the text is still there
        return Markup("<code>{}</code>").format(tex)
    return Markup("").join(Markup(_plain(equation)) for equation in made)


def _plain(equation: Markup) -> str:
    """The equation as HTML writes it: without a namespace."""
    return str(equation).replace(f' xmlns="{formula.NAMESPACE}"', "")


def _require_harmless(equation: Markup) -> None:
    """Raise ValueError for anything that does more than draw."""
    for element in ElementTree.fromstring(str(equation)).iter():
        name = element.tag.removeprefix(f"{{{formula.NAMESPACE}}}")
        if name not in ELEMENTS:
            raise ValueError(f"an element {escape(name)}")
        for key, text in element.attrib.items():
            if key not in ATTRIBUTES or (key == "class" and text not in CLASSES):
                raise ValueError(f"an attribute {escape(key)}")

"""LaTeX as MathML, with the spacing that browsers do not find by themselves.

A flat row of MathML does not tell a minus sign from a subtraction, nor an absolute value from a
divides sign; here that is said. Words in a formula are marked: `name` for arguments and options,
`word` for the language between them.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
WORDS = {"if", "and", "or", "is", "None", "otherwise"}
_CLOSING = {")", "]", "}", "|", "‖"}
_SPACED = {"min", "max", "log", "sign"}
_BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")

ElementTree.register_namespace("", NAMESPACE)


def equations(line: str) -> list[Markup]:
    """A line of formulas, one element for each equation, so that the line may wrap."""
    parts = [part.strip().removesuffix(",") for part in line.split(r"\qquad")]
    return [mathml(part) for part in parts]


def mathml(tex: str) -> Markup:
    """One formula, displayed."""
    root = ElementTree.fromstring(convert(tex, display="block"))
    for row in list(root.iter()):
        _space(row)
        _mark(row)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _space(row: ElementTree.Element) -> None:
    """Say which operators of a row are prefixes and which fences."""
    before: ElementTree.Element | None = None
    open_bar = False
    for item in row:
        text = (item.text or "").strip()
        if item.tag == _tag("mo"):
            if text in ("−", "-") and _begins(before):
                item.set("form", "prefix")
                item.set("lspace", "0")
                item.set("rspace", "0.06em")
            elif text == "|":
                open_bar = not open_bar
                item.set("form", "prefix" if open_bar else "postfix")
                item.set("lspace", "0")
                item.set("rspace", "0")
            elif text in _SPACED:
                item.set("lspace", "0.17em")
                item.set("rspace", "0")
            elif text in ("[", "]", "(", ")"):
                item.set("lspace", "0")
                item.set("rspace", "0")
        before = item


def _begins(before: ElementTree.Element | None) -> bool:
    """Whether what follows can only be a prefix."""
    if before is None:
        return True
    return before.tag == _tag("mo") and (before.text or "").strip() not in _CLOSING


def _mark(row: ElementTree.Element) -> None:
    """Part the words of a text from the names in it; bold digits have code points of their own."""
    for place, item in reversed(list(enumerate(row))):
        if item.tag == _tag("mn") and item.attrib.pop("mathvariant", "") == "bold":
            item.text = (item.text or "").translate(_BOLD)
        if item.tag != _tag("mtext"):
            continue
        row.remove(item)
        parts = re.findall(r"\s*\w+\s*|\W+", (item.text or "").replace("\u00a0", " "))
        for part in reversed(parts):
            text = ElementTree.Element(_tag("mtext"))
            text.text = part.replace(" ", "\u00a0")
            text.set("class", "word" if part.strip() in {*WORDS, ""} else "name")
            row.insert(place, text)

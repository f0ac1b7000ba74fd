"""Small pieces of pages: names, references, links, numbers."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from lossproof.reports.text import visible

#: the order of families on the index; others follow by name
FAMILIES = (
    "regression", "classification", "probabilistic", "ranking", "contrastive", "segmentation",
    "sequence", "function",
)  # fmt: skip
FAMILY_WORDS = {
    "regression": "Distances between numbers.",
    "classification": "Which class, or whether: from logits, probabilities or margins.",
    "probabilistic": "Likelihoods and divergences.",
    "ranking": "Which of two comes first, or the order of a list.",
    "contrastive": "What belongs together is near, what does not is far.",
    "segmentation": "Overlap of regions.",
    "sequence": "Labels without alignment.",
    "function": "The functions that losses are made of.",
}
_LINK = re.compile(r"doi:(10\.\d{4,}/[^\s,;]+)|arXiv:(\d{4}\.\d{4,5})")


def breakable(name: str) -> Markup:
    """A name that may be broken after each underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def linked(reference: str) -> Markup:
    """A reference with its DOI or arXiv number as a link."""
    reference = visible(reference)
    parts, end = [], 0
    for match in _LINK.finditer(reference):
        address = f"https://doi.org/{match[1]}" if match[1] else f"https://arxiv.org/abs/{match[2]}"
        parts.append(escape(reference[end : match.start()]))
        parts.append(Markup('<a href="{}">{}</a>').format(address, match[0]))
        end = match.end()
    return Markup("").join([*parts, escape(reference[end:])])


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML in it is text."""
    return Markup(MarkdownIt("commonmark", {"html": False}).render(visible(text)))


def family_order(families: set[str]) -> list[str]:
    """Families as the index has them."""
    return [f for f in FAMILIES if f in families] + sorted(families - set(FAMILIES))


def short(value: float, digits: int = 3) -> str:
    """A number to a few digits, as a reader writes it."""
    return f"{value:.{digits}g}".replace("-", "−").replace("e+", "e")


def slug(text: str) -> str:
    """A text as an anchor."""
    return re.sub(r"\W+", "-", text)

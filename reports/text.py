"""Text that nobody vouches for, made safe to show: in a terminal, in Markdown.

Control and format characters become visible escapes: no escape sequence reaches a terminal, and no
bidirectional override reorders what stands around it.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
ACTIVE = re.compile(r"[\\`*\[\]#~|]|(?<![^\W_])_|_(?![^\W_])")
ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
PLAIN_CODE = re.compile(r"[^`|<>&\\]+")


def visible(text: str) -> str:
    """`text` with every control or format character as an escape; newlines and tabs stay."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def one_line(text: str) -> str:
    """As `visible`, with each run of white space as one space."""
    return " ".join(visible(text).split())


def escape(text: str) -> str:
    """One line that Markdown shows as it is, in a table too."""
    text = re.sub(r"[&<>]", lambda match: ENTITIES[match[0]], one_line(text))
    return ACTIVE.sub(r"\\\g<0>", text)


def code(text: str) -> str:
    """One line as Markdown code, in a table too; nothing for nothing.

    A code span cannot hold every text within a table: where it cannot, HTML does.
    """
    text = one_line(text)
    if not text:
        return ""
    if PLAIN_CODE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{''.join(_entity(character) for character in text)}</code>"


def link(text: str) -> str:
    """A link of text that is the address of a page; any other text as it is."""
    return f"<{text}>" if ADDRESS.fullmatch(text) else escape(text)


def fence(text: str, language: str) -> str:
    """A fenced block, with a fence longer than any within."""
    text = visible(text).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def _visible(character: str) -> str:
    shown = unicodedata.category(character) not in INVISIBLE and not _no_character(character)
    if character in "\n\t" or shown:
        return character
    return character.encode("unicode_escape").decode()


def _no_character(character: str) -> bool:
    """Whether a code point is kept from ever being a character; HTML and XML allow none."""
    point = ord(character)
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF


def _entity(character: str) -> str:
    if character in ENTITIES:
        return ENTITIES[character]
    return f"&#{ord(character)};" if character in "\\`*_[]#~|:" else character

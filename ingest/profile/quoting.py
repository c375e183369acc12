"""Quotes round expressions that YAML would take apart, put there before it reads a document. Pure.

YAML gives ``[``, ``{``, ``,``, ``: `` and ``#`` a meaning of their own, mostly inside of ``{...}``: people forget the
quotes that ``from: it[0]`` or ``from: first(it.a, it.b)`` would need there. A value that begins plainly, or with a text
that goes on behind its closing quote, and that holds such signs inside of balanced brackets, can only be an expression;
it is quoted as a whole. Documents that YAML reads rightly stay as they are, and every line stays where it was.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["quoted"]

_BLOCK: Final = re.compile(r"^(\s*(?:- +)*(?:[\w$.-]+|\"[^\"]*\"|'[^']*'):[ \t]+)(.*)$")
_PARTS: Final = {"(": ")", "[": "]", "{": "}"}


def quoted(text: str) -> str:
    r"""The document with quotes round such expressions.

    Example:
        >>> quoted("a: {kind: text, from: it[2]}")
        "a: {kind: text, from: 'it[2]'}"
        >>> quoted('b: "open" if it.x == 1 else "shut"')
        'b: \'"open" if it.x == 1 else "shut"\''
        >>> quoted("c: {range: [0, 1], unit: Cel}  # stays")
        'c: {range: [0, 1], unit: Cel}  # stays'
    """
    if text.lstrip()[:1] == "{" and '"' in text.lstrip()[:40]:
        return text  # JSON
    out: list[str] = []
    opened: list[str] = []  # brackets
    literal: int | None = None  # indentation above which lines belong to a block of text
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if literal is not None and (not line.strip() or indent > literal):
            out.append(line)
            continue
        literal = None
        if not opened:
            found = _BLOCK.match(line)
            if found and found[2][:1] in "|>":
                literal = indent
            elif found and found[2][:1] not in "{[&*!#":
                value, note = _cut_comment(found[2])
                if _needs_quotes(value, inside=False):
                    out.append(f"{found[1]}{_quote(value)}{note}")
                    continue
        out.append(_flow(line, opened))
    return "\n".join(out)


def _quote(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _cut_comment(value: str) -> tuple[str, str]:
    """A value of a block line, and what comes behind it."""
    at = 0
    while at < len(value):
        if _opens(value, at):
            at = _behind_text(value, at)
            continue
        if value[at] == "#" and at and value[at - 1] in " \t":
            bare = value[:at].rstrip()
            return bare, value[len(bare) :]
        at += 1
    bare = value.rstrip()
    return bare, value[len(bare) :]


def _behind_text(text: str, at: int, *, yamls: bool = False) -> int:
    """Where a quoted text ends; the end where it never does. In one of YAML's own two ' stand for one."""
    sign = text[at]
    at += 1
    while at < len(text):
        if yamls and sign == "'" and text[at : at + 2] == "''":
            at += 2
            continue
        if text[at] == "\\" and sign == '"':
            at += 2
            continue
        if text[at] == sign:
            return at + 1
        at += 1
    return at


def _opens(text: str, at: int) -> bool:
    """Whether a text begins here; a sign behind a letter is an apostrophe, but for the f of a template."""
    if text[at] not in "\"'":
        return False
    before = text[at - 1] if at else " "
    return not before.isalnum() or (before == "f" and not text[at - 2 : at - 1].isalnum())


def _needs_quotes(value: str, *, inside: bool) -> bool:
    """Whether YAML would not read a value as the one text that it is."""
    if not value:
        return False
    if value[0] in "\"'":
        return bool(value[_behind_text(value, 0, yamls=True) :].strip())
    return any(sign in value for sign in ('"', ": ", " #")) or (inside and any(sign in value for sign in "[]{},"))


def _flow(line: str, opened: list[str]) -> str:
    """A line with values in ``{...}`` and elements of ``[...]`` quoted; ``opened`` keeps the brackets that are open."""
    out: list[str] = []
    at = _element(line, 0, out) if opened and opened[-1] == "[" else 0
    while at < len(line):
        sign = line[at]
        if sign == "#" and (at == 0 or line[at - 1] in " \t"):
            out.append(line[at:])
            break
        if sign in "\"'" and (opened or not line[:at].strip() or line[at - 1] in " \t"):
            end = _behind_text(line, at, yamls=True)
            out.append(line[at:end])
            at = end
            continue
        if sign in "{[" and (opened or line[:at].rstrip()[-1:] in ("", ":", "-")):
            opened.append(sign)
        elif sign in "}]" and opened:
            opened.pop()
        out.append(sign)
        at += 1
        if opened and opened[-1] == "[" and sign in "[,":
            at = _element(line, at, out)
        if opened and sign == ":" and line[at : at + 1] == " ":
            start = _behind_blanks(line, at)
            if line[start : start + 1] not in ("{", "[", "&", "*", "!", ""):
                end = _end_of_value(line, start)
                value = line[start:end].rstrip()
                out.append(line[at:start])
                out.append(_quote(value) if _needs_quotes(value, inside=True) else value)
                out.append(line[start + len(value) : end])
                at = end
    return "".join(out)


def _behind_blanks(line: str, at: int) -> int:
    while line[at : at + 1].isspace():
        at += 1
    return at


def _element(line: str, at: int, out: list[str]) -> int:
    """Put out an element of a list that begins here, quoted where it needs to be; where it ends."""
    start = _behind_blanks(line, at)
    if line[start : start + 1] in ("{", "[", "]", "&", "*", "!", "#", ""):
        return at
    end = _end_of_value(line, start)
    value = line[start:end].rstrip()
    behind = _behind_text(value, 0, yamls=True) if value[:1] in ("'", '"') else 0
    apart = bool(value[behind:].strip()) if behind else any(part in value for part in "[]{},")
    out += [line[at:start], _quote(value) if apart else value, line[start + len(value) : end]]
    return end


def _end_of_value(line: str, at: int) -> int:
    """Where a value inside of ``{...}`` ends: at a comma or bracket that is none of its own."""
    closing: list[str] = []
    start = at
    while at < len(line):
        sign = line[at]
        if _opens(line, at):
            at = _behind_text(line, at, yamls=at == start)
            continue
        if not closing and (sign in ",}]"):
            return at
        if sign in _PARTS:
            closing.append(_PARTS[sign])
        elif closing and sign == closing[-1]:
            closing.pop()
        at += 1
    return at

"""XML as an object: elements by local name, attributes as ``@name``, repeated elements as lists. Pure; bounded."""

from __future__ import annotations

from typing import Any, Final
from xml.parsers import expat

from ingest.profile.limits import WrongValueError

__all__ = ["DEEPEST", "xml_of"]

DEEPEST: Final = 32
"""Levels a document may be nested."""


def xml_of(text: str) -> dict[str, Any]:
    """The object of an XML text; document types and entities are refused.

    Raises:
        WrongValueError: It is no XML, or nested too deep.

    Example:
        >>> xml_of('<a:r xmlns:a="u"><s id="1">21</s><s/></a:r>')
        {'r': {'s': [{'@id': '1', '#text': '21'}, None]}}
    """
    tree = _Tree()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.EntityDeclHandler = _refuse_document_type
    try:
        parser.Parse(text.removeprefix("\ufeff").strip().encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as e:
        raise WrongValueError(f"payload: is no XML: {str(e)[:100]}", "not_json") from None
    return tree.root


class _Tree:
    """Builds an object from the events of the XML parser."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise WrongValueError(f"payload: nested deeper than {DEEPEST} levels", "too_deep")
        here = {f"@{_local(k)}": v for k, v in attributes.items() if not k.startswith("xmlns")}
        self._open.append((_local(name), here, []))

    def text(self, data: str) -> None:
        self._open[-1][2].append(data)

    def end(self, _: str) -> None:
        name, here, texts = self._open.pop()
        text = "".join(texts).strip()
        if text and here:
            here["#text"] = text
        value: Any = here or text or None
        parent = self._open[-1][1] if self._open else self.root
        if name not in parent:
            parent[name] = value
        elif isinstance(parent[name], list):
            parent[name].append(value)
        else:
            parent[name] = [parent[name], value]


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _refuse_document_type(*_: Any) -> None:
    raise WrongValueError("payload: an XML document type or entity is not allowed", "not_json")

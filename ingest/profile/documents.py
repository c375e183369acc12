"""The text of a document (YAML or JSON) -> plain values: no aliases, no keys twice, expressions quoted. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

import yaml

from brain.errors import SensorTypeError
from ingest.profile.quoting import quoted

__all__ = ["parsed"]

_LONGEST_DOCUMENT: Final = 262_144


class _Loader(yaml.SafeLoader):
    """YAML without aliases (a short text could stand for a huge one) and without keys that replace each other."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name) is not allowed; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(seen)) < len(seen):
            twice = next(key for key, count in Counter(seen).items() if count > 1)
            raise yaml.YAMLError(f"key {twice!r} stands there twice")
        return super().construct_mapping(node, deep)


# YAML 1.1 takes on, off, yes, no, y and n for truth values, 010 for 8, 12:30 for 750, 2026-01-01 for a date and 1e-7
# for a text, and devices say all of these; YAML 1.2 and people do not.
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final[tuple[tuple[str, str, str], ...]] = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^(?:[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9_]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+."),
)
_Loader.yaml_implicit_resolvers = {
    first: kept
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (
        kept := [
            (t, pattern) for t, pattern in pairs if t not in {f"{_TAG}{n}" for n, *_ in _PLAIN} | {f"{_TAG}timestamp"}
        ]
    )
}
for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(_pattern), list(_first))


def parsed(text: str | bytes) -> Any:
    """The document inside a text.

    Raises:
        SensorTypeError: It is none; says where.
    """
    if len(text) > _LONGEST_DOCUMENT:
        raise SensorTypeError("", f"the document is longer than {_LONGEST_DOCUMENT} characters")
    try:
        text = quoted(text.decode() if isinstance(text, bytes) else text)
        return yaml.load(text, _Loader)  # noqa: S506 - a subclass of SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError) as e:
        # the last three come out of PyYAML where a tag does not fit its value, like !!timestamp x
        first = " ".join(str(e).split())[:200]
        if "flow mapping" in first or "flow sequence" in first:
            first += "; inside {...} and [...] put quotes round an expression that has a comma, a bracket or a colon"
        raise SensorTypeError("", f"the document is neither YAML nor JSON: {first}") from None

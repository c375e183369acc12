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


# YAML 1.1 takes on, off, yes, no, y and n for truth values, and devices say them all the time; 1.2 and people do not.
_BOOL: Final = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != _BOOL]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


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

"""The line of a document on which a path stands, so that errors can name it. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import yaml

from ingest.profile.quoting import quoted

__all__ = ["line_of"]

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@lru_cache(maxsize=1)
def _composed(source: str) -> Any:
    """The nodes of a document; all its errors ask for them."""
    try:
        return yaml.compose(quoted(source), yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def line_of(source: str, path: str) -> int | None:
    r"""The line (from 1) of the deepest part of a path that is there; None where the text is no YAML or the path empty.

    Example:
        >>> line_of("id: a\nfields:\n  t_c: {unit: Cel}\n", "fields.t_c.range")
        3
    """
    if not path:
        return None
    node = _composed(source)
    line = None
    for name, index in _STEP.findall(path):
        inner = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value == (name or index):
                    inner, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
            inner = node.value[int(index)]
            line = inner.start_mark.line + 1
        if inner is None:
            break
        node = inner
    return line

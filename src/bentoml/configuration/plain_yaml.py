"""YAML as the configuration uses it: mappings with text keys, lists, texts, numbers, true, false and null.

Texts that stand for something else in YAML are refused: tags make other types, an alias repeats what stands elsewhere
(a few lines of them stand for gigabytes), and of a key that is there twice one value would be lost. Dates stay text.
Size and depth are bounded.
"""

from __future__ import annotations

from typing import Any

import yaml

from bentoml.configuration.config_file import MAX_SIZE_BYTES
from bentoml.exceptions import BentoMLConfigException

MAX_DEPTH = 32

_NOT_PLAIN = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"})
_TEXT_TAG = "tag:yaml.org,2002:str"
_LINE_ENDS = frozenset("\n\r\x85\u2028\u2029")


class PlainYamlError(BentoMLConfigException):
    """A text that is not such YAML.

    Attributes:
        line: number of the line, from 1; None when it is not about one.
        reason: what is wrong, without the place.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes; refuses what is not plain."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_PLAIN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise PlainYamlError(f"the alias *{event.anchor} is not taken here; write out what it stands for", line)
        if getattr(event, "tag", None) is not None:
            raise PlainYamlError(f"the tag {event.tag} is not taken here; leave it out", line)
        if self._depth >= MAX_DEPTH:
            raise PlainYamlError(f"more than {MAX_DEPTH} levels", line)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag != _TEXT_TAG:
                shown = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
                raise PlainYamlError(f"a key must be text, not {shown}; put it into quotes", line)
            if key_node.value in lines:
                first = lines[key_node.value]
                raise PlainYamlError(f"the key {key_node.value!r} is there twice, first in line {first}", line)
            lines[key_node.value] = line
        return node


def compose(text: str) -> yaml.Node | None:
    """The tree of nodes, which know where in the text they stand; None when there is nothing but comments.

    Raises:
        PlainYamlError: the text is no YAML, not plain, or too large.
    """
    if len(text) > MAX_SIZE_BYTES:
        raise PlainYamlError(f"more than {MAX_SIZE_BYTES // 1024} KiB")
    try:
        loader = _PlainLoader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise PlainYamlError(reason, None if mark is None else mark.line + 1) from error
    except yaml.YAMLError as error:
        raise PlainYamlError(" ".join(str(error).split())) from error
    return node


def value_of(node: yaml.Node) -> Any:
    """What a node stands for.

    Raises:
        PlainYamlError: a number in it cannot be read.
    """
    try:
        return yaml.constructor.SafeConstructor().construct_document(node)
    except ValueError as error:
        raise PlainYamlError(f"a number that cannot be read: {error}", node.start_mark.line + 1) from error


def load(text: str) -> Any:
    """Read a text; None when it is empty.

    Raises:
        PlainYamlError: see `compose` and `value_of`.
    """
    node = compose(text)
    return None if node is None else value_of(node)


def flow(value: Any) -> str:
    """A plain value in one line, which `load` reads back, also inside of a list or a mapping."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(name)}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str) and not _LINE_ENDS.isdisjoint(value):
        return _dump(value, default_style='"')[:-1]
    # In a list, so that a text is quoted where one inside of a list has to be.
    return _dump([value])[1:-2]


def _dump(value: Any, **style: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), **style)
    return text

"""Changing one value in the text of a configuration file; everything else stays, byte for byte, comments too.

The parser says where in the text a value stands, and only there the text is changed. The result is read again and
compared with what it should say, so that a text that is laid out in an unforeseen way is refused, never damaged.
"""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from bentoml.configuration import plain_yaml
from bentoml.exceptions import BentoMLConfigException

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = 2
_LINE_END = re.compile(r"\r\n|\n|\r")
_COMMENT = re.compile(r"(?:^|\s)#")


class CannotEditError(BentoMLConfigException):
    """A change that cannot be made without losing something, such as a comment."""


def with_value(text: str, name: str, value: Any) -> str:
    """The text with a key set.

    Args:
        text: of the file.
        name: full name of the key.
        value: plain value, as `plain_yaml.load` gives.

    Raises:
        PlainYamlError: the text cannot be read.
        CannotEditError: it cannot be changed so.
    """
    root = plain_yaml.compose(text)
    path = name.split(".")
    changed = _set(text, root, path, value)
    data = None if root is None else plain_yaml.value_of(root)
    return _verified(changed, _with_item(data, path, value), name)


def without(text: str, name: str) -> str:
    """The text without a key or a section; a comment beside it stays, in a line of its own.

    Raises:
        PlainYamlError: the text cannot be read.
        CannotEditError: the key is not there, or cannot be taken out.
    """
    root = plain_yaml.compose(text)
    path = name.split(".")
    parent = _find(root, path[:-1])
    position = None if parent is None else _position(parent, path[-1])
    if root is None or parent is None or position is None:
        raise CannotEditError(f"'{name}' is not there")
    data = copy.deepcopy(plain_yaml.value_of(root))
    _item(data, path[:-1]).pop(path[-1])
    cut = _cut_from_flow if _is_flow(parent) else _cut_lines
    changed = cut(text, parent, position)
    return _verified(changed, data, name)


# -- setting ----------------------------------------------------------------------------------------------------------


def _set(text: str, root: yaml.Node | None, path: list[str], value: Any) -> str:
    if root is None or _is_null(root):
        return _appended(text, _block(path, value, 0, text))
    node = root
    for depth, part in enumerate(path):
        position = _position(node, part)
        if position is None:
            return _with_entry(text, node, path[depth:], value)
        key_node, child = node.value[position]
        if depth == len(path) - 1:
            return _with_replaced(text, key_node, child, value)
        if _is_null(child):
            return _with_filled(text, node, key_node, child, path[depth + 1 :], value)
        node = child
    raise AssertionError("the path is never empty")


def _with_entry(text: str, mapping: yaml.Node, path: Sequence[str], value: Any) -> str:
    """Add a key as the last one of a mapping."""
    if not isinstance(mapping, yaml.MappingNode):
        raise CannotEditError(f"line {mapping.start_mark.line + 1} is no section; correct it by hand")
    if _is_flow(mapping) or not mapping.value:
        entry = _inline(path, value)
        if not mapping.value:
            return _spliced(text, mapping.start_mark.index + 1, mapping.start_mark.index + 1, entry)
        end = _end_of(mapping.value[-1][1])
        return _spliced(text, end, end, f", {entry}")
    indent = mapping.value[0][0].start_mark.column
    at = _next_line(text, _end_of(mapping.value[-1][1]))
    return _with_lines(text, at, _block(path, value, indent, text))


def _with_replaced(text: str, key_node: yaml.Node, node: yaml.Node, value: Any) -> str:
    start, end, shown = node.start_mark.index, _end_of(node), plain_yaml.flow(value)
    if _is_block(node):
        # A list or a mapping in lines of its own: the value goes to the line of its key.
        start = key_node.end_mark.index
        shown = f": {shown}"
    elif start == end:
        shown = f" {shown}"
    is_block_text = _is_block_text(node)
    if is_block_text or not isinstance(node, yaml.ScalarNode):
        _refuse_comments(text, start, _next_line(text, start) if is_block_text else end)
    if end > start and text[end - 1] in "\r\n":
        shown += _line_end_of(text)
    return _spliced(text, start, end, shown)


def _with_filled(
    text: str, parent: yaml.Node, key_node: yaml.Node, node: yaml.Node, path: Sequence[str], value: Any
) -> str:
    """Give a section that is null its first key."""
    start, end = node.start_mark.index, node.end_mark.index
    if start != end:
        return _spliced(text, start, end, "{" + _inline(path, value) + "}")
    if _is_flow(parent):
        return _spliced(text, start, end, " {" + _inline(path, value) + "}")
    indent = key_node.start_mark.column + _INDENT
    return _with_lines(text, _next_line(text, end), _block(path, value, indent, text))


def _appended(text: str, lines: str) -> str:
    return _with_lines(text, len(text), lines)


def _with_lines(text: str, at: int, lines: str) -> str:
    """Insert whole lines at the start of a line, or at the end of a text that has no last line end."""
    if at > 0 and text[at - 1] not in "\r\n" and text != "\ufeff":
        lines = _line_end_of(text) + lines
    return _spliced(text, at, at, lines)


def _block(path: Sequence[str], value: Any, indent: int, text: str) -> str:
    lines = [f"{' ' * (indent + _INDENT * depth)}{part}:" for depth, part in enumerate(path)]
    return _line_end_of(text).join([*lines[:-1], f"{lines[-1]} {plain_yaml.flow(value)}", ""])


def _inline(path: Sequence[str], value: Any) -> str:
    first, *rest = path
    return f"{first}: {{{_inline(rest, value)}}}" if rest else f"{first}: {plain_yaml.flow(value)}"


# -- taking out -------------------------------------------------------------------------------------------------------


def _cut_lines(text: str, mapping: yaml.Node, position: int) -> str:
    """Take the lines of an entry out of a mapping in block style."""
    key_node, node = mapping.value[position]
    start = key_node.start_mark.index - key_node.start_mark.column
    indent = text[start : key_node.start_mark.index]
    end = max(_end_of(node), key_node.end_mark.index)
    next_line = _next_line(text, end)
    if indent.strip(" "):
        raise CannotEditError(f"line {key_node.start_mark.line + 1} has something before the key; edit it by hand")
    if _is_block_text(node) or not isinstance(node, yaml.ScalarNode):
        _refuse_comments(text, key_node.end_mark.index, end)
    rest = text[end:next_line].lstrip(" \t:")
    return _spliced(text, start, next_line, f"{indent}{rest}" if rest.startswith("#") else "")


def _cut_from_flow(text: str, mapping: yaml.Node, position: int) -> str:
    """Take an entry and one comma out of a mapping in braces."""
    entries = mapping.value
    key_node, node = entries[position]
    start, end = key_node.start_mark.index, max(_end_of(node), key_node.end_mark.index)
    if position + 1 < len(entries):
        end = entries[position + 1][0].start_mark.index
    elif position > 0:
        start = _end_of(entries[position - 1][1])
    _refuse_comments(text, start, end)
    return _spliced(text, start, end, "")


# -- the text ---------------------------------------------------------------------------------------------------------


def _spliced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _end_of(node: yaml.Node) -> int:
    """Where the text of a node ends; the parser itself counts the comments behind a block as a part of it."""
    if _is_block(node):
        last = node.value[-1]
        return _end_of(last[1] if isinstance(last, tuple) else last)
    index: int = node.end_mark.index
    return index


def _next_line(text: str, index: int) -> int:
    """Where the next line begins, or the text ends; `index` itself when a line begins there."""
    if index > 0 and text[index - 1] in "\r\n":
        return index
    found = _LINE_END.search(text, index)
    return len(text) if found is None else found.end()


def _line_end_of(text: str) -> str:
    found = _LINE_END.search(text)
    return "\n" if found is None else found[0]


def _refuse_comments(text: str, start: int, end: int) -> None:
    found = _COMMENT.search(text[start:end])
    if found is not None:
        line = text.count("\n", 0, start + found.start() + 1) + 1
        raise CannotEditError(f"line {line} seems to hold a comment, which would be lost; edit it by hand")


# -- the tree ---------------------------------------------------------------------------------------------------------


def _is_flow(node: yaml.Node) -> bool:
    """Whether a list or a mapping stands in brackets or braces."""
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _is_block(node: yaml.Node) -> bool:
    """Whether a list or a mapping stands in lines of its own."""
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _is_block_text(node: yaml.Node) -> bool:
    """Whether a text stands in the lines below a `|` or `>`."""
    return isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _position(node: yaml.Node, part: str) -> int | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((at for at, (key_node, _) in enumerate(node.value) if key_node.value == part), None)


def _find(root: yaml.Node | None, path: Sequence[str]) -> yaml.Node | None:
    node = root
    for part in path:
        position = None if node is None else _position(node, part)
        if node is None or position is None:
            return None
        node = node.value[position][1]
    return node


# -- what the text should say -----------------------------------------------------------------------------------------


def _with_item(data: Any, path: list[str], value: Any) -> Any:
    data = {} if data is None else copy.deepcopy(data)
    section = data
    for part in path[:-1]:
        if section.get(part) is None:
            section[part] = {}
        section = section[part]
    section[path[-1]] = value
    return data


def _item(data: Any, path: Sequence[str]) -> Any:
    for part in path:
        data = data[part]
    return data


def _verified(text: str, expected: Any, name: str) -> str:
    refusal = CannotEditError(f"'{name}' cannot be changed in a file that is laid out like this; edit it by hand")
    try:
        found = plain_yaml.load(text)
    except plain_yaml.PlainYamlError as error:
        raise refusal from error
    if _canonical(found) != _canonical(expected):
        raise refusal
    return text


def _canonical(data: Any) -> str:
    """A text that tells values apart as YAML does, also `1`, `1.0` and `true`; a section without keys is like null."""
    return json.dumps(_without_empty(data), sort_keys=True)


def _without_empty(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _without_empty(item) for name, item in data.items()} or None
    return data

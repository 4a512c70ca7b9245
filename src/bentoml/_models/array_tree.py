"""Arrays in nested mappings, by one name each: `params.Dense_0.kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterator


def named_leaves(tree: Mapping[Any, Any]) -> dict[str, Any]:
    """What is no mapping, by name: the keys on the way, with dots between them. Dots in keys become `%2E`.

    Raises:
        InvalidArgument: two leaves have the same name, as below the keys `1` and `"1"`.
    """
    leaves: dict[str, Any] = {}
    for path, leaf in _walk(tree, ()):
        name = _name(path)
        if name in leaves:
            raise InvalidArgument(f"there are two arrays of the name {name}")
        leaves[name] = leaf
    return leaves


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `named_leaves` for keys that are strings.

    Raises:
        ValueError: a name goes on below a leaf.
    """
    tree: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *way, last = (unquote(key) for key in name.split("."))
        node = tree
        for key in way:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} goes on below an array")  # noqa: TRY004 - a fault in a file
        node[last] = leaf
    return tree


def refilled(tree: Mapping[Any, Any], leaves: Mapping[str, Any]) -> dict[Any, Any]:
    """The same mappings, keys of any type, with other leaves."""

    def copied(node: Mapping[Any, Any], path: tuple[Any, ...]) -> dict[Any, Any]:
        return {
            key: copied(value, (*path, key)) if isinstance(value, Mapping) else leaves[_name((*path, key))]
            for key, value in node.items()
        }

    return copied(tree, ())


def difference_of_shapes(made: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """How arrays by name differ from those that are wanted, in words; empty when they do not.

    Args:
        made: the arrays that are wanted, or anything else with a `shape`.
        given: the arrays that there are.
    """
    for name in sorted(made.keys() | given.keys()):
        if name not in given:
            return f"there is no {name}"
        if name not in made:
            return f"it has no {name}"
        if tuple(made[name].shape) != tuple(given[name].shape):
            return f"{name} has the shape {tuple(given[name].shape)}, and {tuple(made[name].shape)} is made"
    return ""


def _walk(node: Mapping[Any, Any], path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _walk(value, (*path, key))
        else:
            yield (*path, key), value


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(str(key).replace("%", "%25").replace(".", "%2E") for key in path)

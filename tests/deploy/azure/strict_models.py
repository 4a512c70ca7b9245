"""Compares documents with the models of Azure's own Python packages, and takes nothing that they do not have.

The packages are made from the descriptions that Azure publishes of its API. Their own reading is lenient: what a model
does not know is left out. Names, types, what is required or said by Azure alone, bounds and known values are read here
from the maps that each model has for that, and from its text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

_SCALARS = {"str": str, "bool": bool, "int": int, "long": int, "float": (int, float), "object": object}
_KNOWN = re.compile(r":ivar (\w+):((?:(?!:ivar |:vartype ).)*)", re.DOTALL)


def problems(document: Any, models: Any, model: str, at: str = "") -> Iterator[str]:
    """What of a document the model does not have, or has otherwise.

    Args:
        document: what would be sent.
        models: the module that has the model.
        model: its name.
        at: where in the whole it stands.
    """
    if not isinstance(document, dict):
        yield f"{at or model}: {model} expected, not {document!r}"
        return
    found = getattr(models, model)
    rest = dict(document)
    for name, field in found._attribute_map.items():
        rules, path = found._validation.get(name, {}), re.split(r"(?<!\\)\.", field["key"])
        value = _taken(rest, path)
        where = ".".join([*([at] if at else []), *path])
        if value is None:
            if rules.get("required"):
                yield f"{where}: required"
        elif rules.get("readonly"):
            yield f"{where}: only Azure says it"
        else:
            yield from _value_problems(value, models, field["type"], where)
            yield from _bound_problems(value, _bounds(found, name) | rules, where)
    yield from (f"{at + '.' if at else ''}{name}: unknown" for name in _names(rest))


def _taken(document: dict[str, Any], path: list[str]) -> Any:
    """The value at a path, which is taken out of the document: copies are made of what is on the way."""
    name = path[0].replace("\\.", ".")
    if name not in document:
        return None
    if len(path) == 1:
        return document.pop(name)
    inner = dict(document.pop(name))
    value = _taken(inner, path[1:])
    if inner:
        document[name] = inner
    return value


def _names(rest: dict[str, Any], before: str = "") -> Iterator[str]:
    """Of what is left of a document."""
    for name, value in rest.items():
        if isinstance(value, dict) and not before:
            yield from _names(value, f"{name}.")
        else:
            yield f"{before}{name}"


def _value_problems(value: Any, models: Any, kind: str, at: str) -> Iterator[str]:
    if kind.startswith("["):
        if not isinstance(value, list):
            yield f"{at}: a list expected, not {value!r}"
            return
        for number, each in enumerate(value):
            yield from _value_problems(each, models, kind[1:-1], f"{at}[{number}]")
    elif kind.startswith("{"):
        if not isinstance(value, dict):
            yield f"{at}: a mapping expected, not {value!r}"
            return
        for name, each in value.items():
            yield from _value_problems(each, models, kind[1:-1], f"{at}[{name}]")
    elif kind in _SCALARS:
        wanted: Any = _SCALARS[kind]
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind not in {"bool", "object"}):
            yield f"{at}: {kind} expected, not {value!r}"
    else:
        yield from problems(value, models, kind, at)


def _bounds(model: Any, name: str) -> dict[str, Any]:
    """What the text of a model says of a field: known values, least and most."""
    texts = {found[1]: " ".join(found[2].split()) for found in _KNOWN.finditer(inspect.getdoc(model) or "")}
    text, bounds = texts.get(name, ""), dict[str, Any]()
    if known := re.search(r'(?:Known values are:|Is one of:|either) ((?:"[^"]*"(?:, and |, | and |,)?)+)', text):
        bounds["known"] = re.findall(r'"([^"]*)"', known[1])
    for word, key in (("Minimum", "minimum"), ("Maximum", "maximum")):
        if bound := re.search(rf"{word} value is (\d+)", text):
            bounds[key] = int(bound[1])
    return bounds


def _bound_problems(value: Any, bounds: dict[str, Any], at: str) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if "known" in bounds and each not in bounds["known"]:
            yield f"{at}: one of {bounds['known']} expected, not {each!r}"
    if "minimum" in bounds and value < bounds["minimum"]:
        yield f"{at}: at least {bounds['minimum']}, not {value}"
    if "maximum" in bounds and value > bounds["maximum"]:
        yield f"{at}: at most {bounds['maximum']}, not {value}"
    if isinstance(value, str):
        if not bounds.get("min_length", 0) <= len(value) <= bounds.get("max_length", len(value)):
            yield f"{at}: {len(value)} characters"
        if "pattern" in bounds and not re.search(bounds["pattern"], value):
            yield f"{at}: {value!r} is not like {bounds['pattern']}"

"""The kinds of others, compared with models of them: HTTPRoute, ServiceMonitor and InferenceService.

Two come from npm, made from the sources of their projects: the compiler of TypeScript refuses names and types that they
do not have, and their validators values that cannot be. The third has a Python SDK, made from its OpenAPI document.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).resolve().parents[3] / ".venv-environments" / "kubernetes-models" / "node_modules"
MODULES = {
    "HTTPRoute": "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute",
    "ServiceMonitor": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor",
}
LIMIT_S = 100
TYPE_CHECK = ("--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck", "--pretty", "false")


def packages_or_skip() -> Path:
    """The directory with the packages of npm; without it the test is skipped."""
    if shutil.which("node") is None or not (PACKAGES / ".bin" / "tsc").exists():
        pytest.skip("the models of other kinds are not installed; scripts/test does it, with npm")
    return PACKAGES


def problems_of_types(document: dict[str, Any], directory: Path) -> str:
    """What the compiler says of an object written down as one of its type; an empty text for nothing."""
    kind = document["kind"]
    source = (
        f'import type {{ I{kind} }} from "{MODULES[kind]}";\nexport const found: I{kind} = {json.dumps(document)};\n'
    )
    (directory / "found.mts").write_text(source, encoding="utf-8")
    return _run(directory, str(PACKAGES / ".bin" / "tsc"), *TYPE_CHECK, "found.mts")


def problems_of_values(document: dict[str, Any], directory: Path) -> str:
    """What the validator of the kind says; an empty text for nothing."""
    kind = document["kind"]
    source = f'import {{ {kind} }} from "{MODULES[kind]}";\nnew {kind}({json.dumps(document)}).validate();\n'
    (directory / "found.mjs").write_text(source, encoding="utf-8")
    return _run(directory, "node", "found.mjs")


def _run(directory: Path, *argv: str) -> str:
    link = directory / "node_modules"
    if not link.is_symlink():
        link.symlink_to(PACKAGES)
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == (not said), said
    return said


def problems_of_kserve(document: Any, model: str, others: set[str], at: str = "") -> Iterator[str]:
    """What of a document a model of KServe's SDK does not have, or has otherwise.

    Args:
        document: an object, or a part of one.
        model: name of its class, such as `V1beta1InferenceService`.
        others: names of types of Kubernetes itself, whose values are not looked at.
        at: where in the whole it stands.
    """
    types, keys = _maps(model)
    names = {keys[attribute]: kind for attribute, kind in types.items()}
    for name, value in document.items():
        where = f"{at}.{name}" if at else name
        if name not in names:
            yield f"{where}: unknown to {model}"
        else:
            yield from _kserve_value(value, names[name], others, where)


def _kserve_value(value: Any, kind: str, others: set[str], at: str) -> Iterator[str]:
    scalars = {"str": str, "int": int, "bool": bool}
    if found := re.fullmatch(r"list\[(.*)\]", kind):
        for number, each in enumerate(value):
            yield from _kserve_value(each, found[1], others, f"{at}[{number}]")
    elif found := re.fullmatch(r"dict\(str, (.*)\)", kind):
        for name, each in value.items():
            yield from _kserve_value(each, found[1], others, f"{at}[{name}]")
    elif kind in scalars:
        if type(value) is not scalars[kind]:
            yield f"{at}: {kind} expected, not {value!r}"
    elif _file(kind).exists():
        yield from problems_of_kserve(value, kind, others, at)
    else:
        others.add(kind)


def _file(model: str) -> Path:
    """The module of a model; the package itself is not imported, as it wants a server with all that this needs."""
    spec = importlib.util.find_spec("kserve")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", model).lower()
    return Path(spec.submodule_search_locations[0], "models", f"{name}.py")


def _maps(model: str) -> tuple[dict[str, str], dict[str, str]]:
    """Types by attribute, and names in JSON by attribute."""
    tree = ast.parse(_file(model).read_text(encoding="utf-8"))
    found = {
        target.id: ast.literal_eval(node.value)
        for each in tree.body
        if isinstance(each, ast.ClassDef)
        for node in each.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return found["openapi_types"], found["attribute_map"]

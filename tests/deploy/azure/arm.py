"""Reads ARM templates as Azure does, as far as the templates here go: parameters, expressions, dependencies.

It knows the functions that these templates use, and refuses all others. It makes nothing, and is not Azure.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)|(?P<mark>[().,\[\]]))")
_TYPES = {
    "string": str,
    "int": int,
    "bool": bool,
    "object": dict,
    "array": list,
    "secureObject": dict,
    "securestring": str,
}
KINDS = {
    "Microsoft.ContainerRegistry/registries": r"[a-zA-Z0-9]{5,50}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}",
    "Microsoft.Authorization/roleAssignments": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])",
    "Microsoft.App/managedEnvironments": r"[a-z][a-z0-9-]{0,58}[a-z0-9]",
    "Microsoft.App/containerApps": r"(?!.*--)[a-z][a-z0-9-]{0,30}[a-z0-9]",
}
"""The kinds of resources that it knows, and what their names may be."""


class TemplateError(Exception):
    """Azure would refuse it."""


@dataclass
class Scope:
    """What expressions refer to: parameters, ids of the resources of the template, and what is there already."""

    group: str
    parameters: dict[str, Any]
    defined: set[str]
    there: set[str]
    used: set[str]
    at_start: bool = False
    """Names and dependencies are read before anything is made, so that nothing can be asked of a resource."""

    def call(self, name: str, args: list[Any]) -> Any:
        function = getattr(self, f"fn_{name.lower()}", None)
        if function is None:
            raise TemplateError(f"InvalidTemplate: the function {name} is not known")
        return function(*args)

    def fn_parameters(self, name: str) -> Any:
        if name not in self.parameters:
            raise TemplateError(f"InvalidTemplate: the template parameter '{name}' is not found")
        self.used.add(name)
        return self.parameters[name]

    def fn_concat(self, *args: Any) -> Any:
        if all(isinstance(each, list) for each in args):
            return [item for each in args for item in each]
        if not all(isinstance(each, (str, int)) for each in args):
            raise TemplateError("InvalidTemplate: concat takes texts or arrays")
        return "".join(map(str, args))

    def fn_createarray(self, *args: Any) -> list[Any]:
        return list(args)

    def fn_createobject(self, *args: Any) -> dict[str, Any]:
        return dict(zip(args[::2], args[1::2], strict=True))

    def fn_json(self, text: str) -> Any:
        return json.loads(text)

    def fn_guid(self, *args: str) -> str:
        digest = hashlib.sha256("/".join(args).encode()).hexdigest()
        return "-".join([digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]])

    def fn_resourceid(self, kind: str, *names: str) -> str:
        if kind not in KINDS:
            raise TemplateError(f"InvalidTemplate: {kind} is not known")
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{self.group}/providers/{kind}/{'/'.join(names)}"

    def fn_subscriptionresourceid(self, kind: str, name: str) -> str:
        return f"/subscriptions/{SUBSCRIPTION}/providers/{kind}/{name}"

    def fn_extensionresourceid(self, scope: str, kind: str, name: str) -> str:
        return f"{scope}/providers/{kind}/{name}"

    def fn_reference(self, resource: str, api_version: str | None = None) -> dict[str, str]:
        if self.at_start:
            raise TemplateError("InvalidTemplate: the function 'reference' is not expected at this location")
        if resource not in self.defined | self.there:
            raise TemplateError(f"ResourceNotFound: the Resource '{resource}' was not found")
        if resource not in self.defined and api_version is None:
            raise TemplateError(f"InvalidTemplate: reference to '{resource}' needs an API version")
        if "/userAssignedIdentities/" not in resource:
            raise TemplateError(f"InvalidTemplate: nothing is known of {resource}")
        return {"clientId": self.fn_guid(resource, "client"), "principalId": self.fn_guid(resource, "principal")}


class Expression:
    """One expression, read with one token of look-ahead."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.scope = scope
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise TemplateError(f"InvalidTemplate: unable to parse {text!r} at {at}")
            assert found.lastgroup is not None
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def value(self) -> Any:
        found = self._term()
        if self.tokens:
            raise TemplateError(f"InvalidTemplate: what does {self.tokens[0][1]!r} mean here?")
        return found

    def _take(self, wanted: str | None = None) -> tuple[str, str]:
        if not self.tokens or (wanted is not None and self.tokens[0][1] != wanted):
            raise TemplateError(f"InvalidTemplate: {wanted or 'more'} expected")
        return self.tokens.pop(0)

    def _next_is(self, mark: str) -> bool:
        return bool(self.tokens) and self.tokens[0] == ("mark", mark)

    def _term(self) -> Any:
        kind, text = self._take()
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if kind != "word":
            raise TemplateError(f"InvalidTemplate: {text!r} is no value")
        self._take("(")
        args = []
        while not self._next_is(")"):
            args.append(self._term())
            if not self._next_is(")"):
                self._take(",")
        self._take(")")
        found = self.scope.call(text, args)
        while self._next_is("."):
            self._take(".")
            member = self._take()[1]
            if not isinstance(found, dict) or member not in found:
                raise TemplateError(f"InvalidTemplate: the language expression property '{member}' doesn't exist")
            found = found[member]
        return found


def read_template(template: Any, values: Any, group: str, there: set[str]) -> dict[str, dict[str, Any]]:
    """What Azure would make.

    Args:
        template: the document.
        values: the document with the values of its parameters.
        group: name of the resource group.
        there: ids of the resources in it.

    Returns:
        The resources by their ids, with values in place of expressions, in an order that keeps their dependencies.

    Raises:
        TemplateError: Azure would refuse it.
    """
    for document, name in ((template, "deploymentTemplate"), (values, "deploymentParameters")):
        if not document["$schema"].endswith(f"/2019-04-01/{name}.json#") or "contentVersion" not in document:
            raise TemplateError(f"InvalidTemplate: no {name}")
    scope = Scope(group, _parameters(template["parameters"], values["parameters"]), set(), there, set())
    scope.at_start = True
    ids = [_id(resource, scope) for resource in template["resources"]]
    scope.defined.update(ids)
    if len(scope.defined) != len(ids):
        raise TemplateError("InvalidTemplate: a resource is defined more than once")
    needs = {}
    for resource, each in zip(template["resources"], ids, strict=True):
        needs[each] = {_evaluated(need, scope) for need in resource.get("dependsOn", [])}
        for need in needs[each] - scope.defined:
            raise TemplateError(f"InvalidTemplate: the resource '{need}' is not defined in the template")
    scope.at_start = False
    made = {each: _evaluated(found, scope) for each, found in zip(ids, template["resources"], strict=True)}
    unused = set(template["parameters"]) - scope.used
    if unused:
        raise TemplateError(f"nobody uses the parameters {sorted(unused)}")
    return {each: made[each] for each in _ordered(needs)}


def _parameters(declared: Any, given: Any) -> dict[str, Any]:
    if set(declared) != set(given):
        raise TemplateError(f"InvalidTemplate: the parameters {sorted(set(declared) ^ set(given))} do not correspond")
    values = {name: each["value"] for name, each in given.items()}
    for name, value in values.items():
        if type(value) is not _TYPES[declared[name]["type"]]:
            raise TemplateError(f"InvalidTemplate: the parameter {name} is no {declared[name]['type']}")
    return values


def _id(resource: Any, scope: Scope) -> str:
    if not {"type", "apiVersion", "name"} <= set(resource) or not re.fullmatch(
        r"20\d\d-\d\d-\d\d", resource["apiVersion"]
    ):
        raise TemplateError("InvalidTemplate: a resource has type, apiVersion and name")
    kind, name = resource["type"], _evaluated(resource["name"], scope)
    if kind not in KINDS:
        raise TemplateError(f"InvalidTemplate: the type {kind} is not known")
    if not re.fullmatch(KINDS[kind], name):
        raise TemplateError(f"InvalidResourceName: {kind} cannot be called {name!r}")
    if "scope" in resource:
        return scope.fn_extensionresourceid(_evaluated(resource["scope"], scope), kind, name)
    if not resource.get("location"):
        raise TemplateError(f"LocationRequired: {name}")
    return scope.fn_resourceid(kind, name)


def _evaluated(value: Any, scope: Scope) -> Any:
    if isinstance(value, dict):
        return {_evaluated(key, scope): _evaluated(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [_evaluated(item, scope) for item in value]
    if isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[["):
        return Expression(value[1:-1], scope).value()
    return value


def _ordered(needs: dict[str, set[str]]) -> list[str]:
    done: list[str] = []
    while len(done) < len(needs):
        ready = [each for each in needs if each not in done and needs[each] <= set(done)]
        if not ready:
            raise TemplateError("InvalidTemplate: circular dependency")
        done += ready
    return done

"""A look-alike of the API server of Kubernetes, for a real kubectl where no cluster can run. It is no cluster.

It keeps objects in memory, and checks what the real one would: published schemas, strictly; kind and version against
the URL; names; that a selector matches the labels of its template and never changes; that the namespace is there. It
runs nothing: no pods, no controllers, no status but the one that a test sets, no defaults, no watch.
Kinds that Kubernetes itself does not have are kept without a look at their schema.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from tests.deploy.kubernetes.schemas import schemas

Object = dict[str, Any]
VERSION = "1.31"


class Kind(NamedTuple):
    group_version: str
    plural: str
    name: str
    has_schema: bool = True


KINDS = [
    Kind("v1", "namespaces", "Namespace"),
    Kind("v1", "pods", "Pod"),
    Kind("v1", "services", "Service"),
    Kind("v1", "configmaps", "ConfigMap"),
    Kind("apps/v1", "deployments", "Deployment"),
    Kind("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Kind("networking.k8s.io/v1", "ingresses", "Ingress"),
    Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
    Kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Kind("gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute", has_schema=False),
    Kind("serving.kserve.io/v1beta1", "inferenceservices", "InferenceService", has_schema=False),
]
LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
SUBDOMAIN = rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*"
MERGE_KEYS = ("name", "mountPath", "containerPort", "port")


class RefusedError(Exception):
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "code": code,
        }


class LookAlike:
    """What is stored, by plural, namespace and name.

    Args:
        pods_run: give each Deployment at once the status that it has when all its pods are ready.
    """

    def __init__(self, pods_run: bool = False) -> None:
        self.pods_run = pods_run
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.refused: set[str] = set()
        """Kinds that nobody may write."""
        self.silent = False
        self.held = ""
        """Plural of the kind for which writes get no answer, until `go_on`."""
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.revision = 0
        for name in ("default", "dev", "ml"):
            self.store(KINDS[0], "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def existing(self) -> set[str]:
        """`Kind namespace/name` of all but namespaces."""
        with self.lock:
            return {f"{found['kind']} {key[1]}/{key[2]}" for key, found in self.objects.items() if key[1]}

    def get(self, plural: str, namespace: str, name: str) -> Object:
        with self.lock:
            return copy.deepcopy(self.objects[plural, namespace, name])

    def put(self, plural: str, namespace: str, name: str, **parts: Any) -> None:
        """Write parts of an object, such as its status, as a controller would."""
        with self.lock:
            found = self.objects.setdefault((plural, namespace, name), {"metadata": {"name": name}})
            found.update(parts)

    def answer(self, method: str, path: str, query: dict[str, str], media: str, raw: bytes) -> tuple[int, Object]:
        if self.silent:
            raise RefusedError(503, "ServiceUnavailable", "the cluster does not answer")
        found = re.fullmatch(r"/apis?/(v1|[^/]+/[^/]+)(?:/namespaces/([^/]+)(?=/.))?/([^/]+)(?:/([^/]+))?", path)
        kind = next((each for each in KINDS if found and found.group(1, 3) == (each.group_version, each.plural)), None)
        if found is None or kind is None or "watch" in query:
            raise RefusedError(404, "NotFound", f"the server could not find the requested resource ({path})")
        namespace, name = found[2] or "", found[4] or ""
        old = self.objects.get((kind.plural, namespace, name))
        if method == "GET" and not name:
            return 200, self.listed(kind, namespace, query.get("labelSelector", ""))
        if old is None and method != "POST":
            raise RefusedError(404, "NotFound", f'{kind.plural} "{name}" not found')
        if method == "GET":
            assert old is not None
            return 200, old
        if kind.name in self.refused:
            raise RefusedError(403, "Forbidden", f'{kind.plural} "{name}" is forbidden: you may not {method} it')
        if method == "DELETE":
            del self.objects[kind.plural, namespace, name]
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"name": name}}
        body = yaml.safe_load(raw)
        if method == "PATCH":
            body = merged(copy.deepcopy(old), body, is_strategic=media != "application/merge-patch+json")
        return (200 if old else 201), self.store(kind, namespace, body)

    def listed(self, kind: Kind, namespace: str, selector: str) -> Object:
        items = [each for key, each in self.objects.items() if key[0] == kind.plural and namespace in {"", key[1]}]
        for term in filter(None, selector.split(",")):
            label, _, value = term.replace("==", "=").partition("=")
            items = [each for each in items if each["metadata"].get("labels", {}).get(label) == value]
        return {"kind": f"{kind.name}List", "apiVersion": kind.group_version, "metadata": {}, "items": items}

    def store(self, kind: Kind, namespace: str, new: Object) -> Object:
        name = str(new.get("metadata", {}).get("name", ""))
        old = self.objects.get((kind.plural, namespace, name))
        if namespace and ("namespaces", "", namespace) not in self.objects:
            raise RefusedError(404, "NotFound", f'namespaces "{namespace}" not found')
        check(kind, name, new, old)
        self.revision += 1
        uid = old["metadata"]["uid"] if old else str(uuid.UUID(int=self.revision))
        new["metadata"].update(uid=uid, resourceVersion=str(self.revision))
        if namespace:
            new["metadata"]["namespace"] = namespace
        if self.pods_run and kind.name == "Deployment":
            count = new["spec"].get("replicas", 1)
            new["status"] = {"replicas": count, "updatedReplicas": count, "availableReplicas": count}
        self.objects[kind.plural, namespace, name] = new
        return new


def check(kind: Kind, name: str, new: Object, old: Object | None) -> None:
    def invalid(problem: str) -> RefusedError:
        return RefusedError(422, "Invalid", f'{kind.name} "{name}" is invalid: {problem}')

    if (new.get("apiVersion"), new.get("kind")) != (kind.group_version, kind.name):
        raise RefusedError(400, "BadRequest", f"the object is not a {kind.group_version} {kind.name}")
    pattern = {"Namespace": LABEL, "Service": rf"(?=[a-z]){LABEL}"}.get(kind.name, SUBDOMAIN)
    if not re.fullmatch(pattern, name):
        raise invalid(f"metadata.name: Invalid value: {name!r}")
    if kind.has_schema:
        try:
            schemas().validate({k: v for k, v in new.items() if k != "status"}, VERSION, strict=True)
        except schemas().ValidationError as error:
            raise invalid(f"{'.'.join(map(str, error.path))}: {error.message}") from error
    if kind.name == "Deployment":
        selector = new["spec"]["selector"]["matchLabels"]
        if not selector.items() <= new["spec"]["template"]["metadata"]["labels"].items():
            raise invalid("`selector` does not match template `labels`")
        if old and old["spec"]["selector"] != new["spec"]["selector"]:
            raise invalid("spec.selector: field is immutable")


def merged(old: Any, patch: Any, *, is_strategic: bool) -> Any:
    """A patch put into what is there: a JSON merge patch, or one that merges lists of objects by their keys."""
    if isinstance(patch, dict):
        out = dict(old) if isinstance(old, dict) else {}
        for name, value in patch.items():
            if not name.startswith("$"):
                out[name] = merged(out.get(name), value, is_strategic=is_strategic)
        return {name: value for name, value in out.items() if value is not None}
    if is_strategic and isinstance(patch, list) and isinstance(old, list) and patch:
        for key in MERGE_KEYS:
            if all(isinstance(item, dict) and key in item for item in [*old, *patch]):
                items = {item[key]: item for item in old}
                for item in patch:
                    is_gone = item.get("$patch") == "delete"
                    kept = merged(items.get(item[key]), item, is_strategic=True)
                    items[item[key]] = None if is_gone else kept
                return [item for item in items.values() if item is not None]
    return patch


def discovery(path: str) -> Object | None:
    """What clients ask to learn which kinds there are; None for any other path."""
    versions = list(dict.fromkeys(kind.group_version for kind in KINDS))
    urls = {f"{'apis' if '/' in version else 'api'}/{version}": version for version in versions}
    kinds = [kind for kind in KINDS if kind.group_version == urls.get(path.removeprefix("/openapi/v3").strip("/"))]
    if path == "/version":
        major, minor = VERSION.split(".")
        return {"major": major, "minor": minor, "gitVersion": f"v{VERSION}.0-lookalike"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        entries = [{"groupVersion": each, "version": each.split("/")[1]} for each in versions if "/" in each]
        names = dict.fromkeys(each["groupVersion"].split("/")[0] for each in entries)
        groups = []
        for name in names:
            own = [each for each in entries if each["groupVersion"].startswith(f"{name}/")]
            groups.append({"name": name, "versions": own, "preferredVersion": own[0]})
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if path == "/openapi/v3":
        return {"paths": {url: {"serverRelativeURL": f"/openapi/v3/{url}"} for url in urls}}
    if kinds and path.startswith("/openapi/"):
        return {"openapi": "3.0.0", "info": {"title": "look-alike", "version": "1"}, "paths": patch_paths(kinds)}
    if kinds:
        verbs = ["create", "delete", "get", "list", "patch", "update"]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": kinds[0].group_version,
            "resources": [
                {
                    "name": kind.plural,
                    "singularName": kind.name.lower(),
                    "kind": kind.name,
                    "namespaced": kind.name != "Namespace",
                    "verbs": verbs,
                }
                for kind in kinds
            ],
        }
    return None


def patch_paths(kinds: list[Kind]) -> Object:
    """As much of OpenAPI as makes kubectl leave the check of fields to the server."""
    paths = {}
    for kind in kinds:
        group, _, version = kind.group_version.rpartition("/")
        gvk = {"group": group, "version": version, "kind": kind.name}
        parameters = [{"name": "fieldValidation", "in": "query"}]
        content: Object = {"content": {}}
        paths[f"/{kind.plural}"] = {
            "patch": {"x-kubernetes-group-version-kind": gvk, "parameters": parameters, "requestBody": content}
        }
    return paths


def kubectl_or_skip() -> str:
    """The program; without it the test is skipped."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not installed: https://kubernetes.io/docs/tasks/tools")
    return found


@contextmanager
def served(cluster: LookAlike, directory: Path) -> Iterator[Path]:
    """Serve a look-alike on a free port; gives a configuration of kubectl whose one context, `test`, is that."""
    server = http_server(cluster)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": ""}}],
        "current-context": "test",
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(configuration))
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http_server(cluster: LookAlike) -> ThreadingHTTPServer:
    """The look-alike on a free port, ready for `serve_forever`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, query = url.path.rstrip("/"), dict(parse_qsl(url.query))
            code, body = 200, discovery(path)
            if body is None:
                if cluster.held and self.command != "GET" and f"/{cluster.held}" in path:
                    cluster.reached.set()
                    cluster.go_on.wait()
                media = self.headers.get("Content-Type", "").partition(";")[0]
                try:
                    with cluster.lock:
                        code, body = cluster.answer(self.command, path, query, media, raw)
                except RefusedError as error:
                    code, body = error.code, error.body
            data = json.dumps(body).encode()
            with suppress(ConnectionError):  # who was interrupted does not wait for the answer
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 - as the library calls them

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

"""One of many clients: it pushes bundles of its own, changes them, and looks at those of others."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING, Any

from benchmarks.registry_process import Api
from benchmarks.yatai_soak.bundle import digest_of, make_bundle, tree_of
from benchmarks.yatai_soak.record import AliasMove, Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.yatai_soak.record import Record

# So many clients share a name, and the aliases of it.
CLIENTS_PER_NAME = 4
ALIASES = ("production", "staging")
STAGES = ("dev", "test", "prod")


class Client:
    """A client of the registry; what it sees at once is compared with what it was told before.

    Args:
        number: of it.
        url: of the registry.
        record: takes what it does.
    """

    def __init__(self, number: int, url: str, record: Record) -> None:
        self._chance = random.Random(number)
        self._label = f"c{number:03d}"
        self._name = f"Soak{number // CLIENTS_PER_NAME}"
        self._api = Api(url)
        self._record = record
        self._own: list[Version] = []
        actions: list[tuple[int, str, Callable[[], bool]]] = [
            (4, "push", self._push),
            (6, "list", self._list),
            (4, "download", self._download),
            (4, "label", self._label_one),
            (4, "alias", self._set_alias),
            (1, "remove alias", self._remove_alias),
            (2, "delete", self._delete),
            (2, "restore", self._restore),
        ]
        self._weights = [weight for weight, _name, _action in actions]
        self._actions = [(name, action) for _weight, name, action in actions]

    def run(self, is_over: Callable[[int], bool]) -> None:
        """Go on until enough was done.

        Args:
            is_over: whether it was, from the number of actions.
        """
        self._do("push", self._push)
        for count in itertools.count(1):
            if is_over(count):
                break
            ((name, action),) = self._chance.choices(self._actions, self._weights)
            self._do(name, action)
        self._api.close()

    def _do(self, name: str, action: Callable[[], bool]) -> None:
        began_s = time.perf_counter()
        if action():
            self._record.took(name, time.perf_counter() - began_s)

    def _tell(self, allowed: tuple[int, ...], method: str, path: str, document: Any = None) -> tuple[int, Any]:
        status, answer = self._api.tell(method, path, document)
        self._record.count(status)
        self._record.expect(status in allowed, f"{method} {path}: {status} {str(answer)[:200]}")
        return status, answer

    def _choose(self, *, deleted: bool) -> Version | None:
        found = [one for one in self._own if one.is_deleted is deleted and not one.is_purged]
        return self._chance.choice(found) if found else None

    # -- what changes something -----------------------------------------------------------------------------------

    def _push(self) -> bool:
        version = f"{self._label}-{len(self._own)}"
        files = make_bundle(self._name, version, self._chance)
        tree = tree_of(files)
        labels = {"client": self._label, "stage": self._chance.choice(STAGES)}
        document = {"name": self._name, "version": version, "tree": tree.to_json(), "labels": labels}
        _, begun = self._tell((200,), "POST", "/api/v1/uploads", document)
        contents = {digest_of(data): data for data in files.values()}
        for item in begun["missing"]:
            path = f"/api/v1/uploads/{begun['id']}/blobs/{item['digest']}"
            data = contents[item["digest"]]
            status, answer = self._api.ask("PATCH", path, data[item["offset"] :], upload_offset=str(item["offset"]))
            self._record.count(status)
            self._record.expect(status == 204, f"PATCH {path}: {status} {answer[:200]!r}")
        status, bundle = self._tell((200,), "POST", f"/api/v1/uploads/{begun['id']}/commit")
        if status != 200:
            return False
        self._record.expect(bundle["labels"] == labels, f"{version} was pushed with labels {bundle['labels']}")
        digests = {path: digest_of(data) for path, data in files.items()}
        self._own.append(Version(self._name, version, labels, digests, tree.digest))
        self._record.add(self._own[-1])
        return True

    def _label_one(self) -> bool:
        one = self._choose(deleted=False)
        if one is None:
            return False
        changed = {"stage": self._chance.choice(STAGES), f"key-{self._chance.randrange(3)}": str(self._chance.random())}
        status, answer = self._tell((200,), "PATCH", f"{one.path}/labels", {"set": changed})
        if status == 200:
            one.labels = {**one.labels, **changed}
            self._record.expect(answer["labels"] == one.labels, f"{one.path} has the labels {answer['labels']}")
        return status == 200

    def _set_alias(self) -> bool:
        one = self._choose(deleted=False)
        if one is None:
            return False
        alias, began_s = self._chance.choice(ALIASES), time.time()
        path = f"/api/v1/aliases/{self._name}/{alias}"
        status, _ = self._tell((200,), "PUT", path, {"version": one.version})
        if status == 200:
            self._record.moved(AliasMove(self._name, alias, one.version, began_s, time.time()))
        return status == 200

    def _remove_alias(self) -> bool:
        alias, began_s = self._chance.choice(ALIASES), time.time()
        status, _ = self._tell((204, 404), "DELETE", f"/api/v1/aliases/{self._name}/{alias}")
        if status == 204:
            self._record.moved(AliasMove(self._name, alias, None, began_s, time.time()))
        return status == 204

    def _delete(self) -> bool:
        one = self._choose(deleted=False)
        if one is None or len(self._own) < 2:
            return False
        purge = self._chance.random() < 0.3
        one.is_changing = True
        # A bundle that an alias stands for stays.
        status, _ = self._tell((204, 409), "DELETE", f"{one.path}{'?purge=true' if purge else ''}")
        if status == 204:
            one.has_moved += 1
            one.is_deleted, one.is_purged = True, purge
        one.is_changing = False
        return status == 204

    def _restore(self) -> bool:
        one = self._choose(deleted=True)
        if one is None:
            return False
        one.is_changing = True
        status, answer = self._tell((200,), "POST", f"{one.path}/restore")
        if status == 200:
            one.has_moved += 1
            one.is_deleted = False
            self._record.expect(answer["labels"] == one.labels, f"{one.path} came back with labels {answer['labels']}")
        one.is_changing = False
        return status == 200

    # -- what looks -----------------------------------------------------------------------------------------------

    def _list(self) -> bool:
        """Its own bundles are exactly those that it knows, as nobody else changes them."""
        deleted = self._chance.random() < 0.2
        query = f"labels=client%3D{self._label}&limit=1000&count=true&deleted={str(deleted).lower()}"
        status, page = self._tell((200,), "GET", f"/api/v1/bundles?{query}")
        if status != 200:
            return False
        expected = {one.version: one.labels for one in self._own if one.is_deleted is deleted and not one.is_purged}
        found = {bundle["version"]: bundle["labels"] for bundle in page["bundles"]}
        self._record.expect(found == expected, f"{self._label} was shown {len(found)}, and has {len(expected)}")
        self._record.expect(page["total"] == len(expected), f"{self._label} was told {page['total']}")
        return True

    def _download(self) -> bool:
        """A file of any bundle is right, or the bundle is being deleted."""
        one = self._chance.choice(self._record.some_versions())
        was_gone, moved = one.is_deleted or one.is_changing, one.has_moved
        path = self._chance.choice(sorted(one.contents))
        status, data = self._api.ask("GET", f"{one.path}/files/{path}")
        self._record.count(status)
        if status == 200:
            return self._record.expect(digest_of(data) == one.contents[path], f"{one.path}: {path} came damaged")
        may_be_gone = was_gone or one.is_deleted or one.is_changing or one.has_moved != moved
        self._record.expect(status == 404 and may_be_gone, f"GET {one.path}/files/{path}: {status} {data[:200]!r}")
        return False

"""Proof that a registry kept what it acknowledged, after all clients are done."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks.yatai_soak.bundle import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.registry_process import Api
    from benchmarks.yatai_soak.record import AliasMove, Record, Version

# Times of the registry are cut to the microsecond.
_TICK_S = 0.000_002


def find_problems(api: Api, record: Record) -> list[str]:
    """What the registry has otherwise than it said; empty when all is well."""
    problems = list(record.problems)
    for one in record.versions.values():
        problems += _bundle_problems(api, one)
    problems += _listing_problems(api, record)
    for name, alias in sorted({(move.name, move.alias) for move in record.moves}):
        problems += _alias_problems(api, record, name, alias)
    return [*problems, *_status_problems(api, record)]


def _bundle_problems(api: Api, one: Version) -> Iterator[str]:
    status, bundle = api.tell("GET", one.path)
    if one.is_deleted:
        if status != 404:
            yield f"{one.path} was deleted, and is answered with {status}"
        return
    if status != 200:
        yield f"{one.path} is answered with {status}"
        return
    if bundle["labels"] != one.labels:
        yield f"{one.path} has the labels {bundle['labels']} instead of {one.labels}"
    if bundle["tree_digest"] != one.tree_digest:
        yield f"{one.path} has the tree {bundle['tree_digest']}"
    for path, digest in one.contents.items():
        status, data = api.ask("GET", f"{one.path}/files/{path}")
        if status != 200 or digest_of(data) != digest:
            yield f"{one.path}: {path} is damaged ({status})"


def _listing_problems(api: Api, record: Record) -> Iterator[str]:
    """Nothing is listed that nobody pushed, and all that was."""
    for deleted in (False, True):
        expected = {key for key, one in record.versions.items() if one.is_deleted is deleted and not one.is_purged}
        found: set[tuple[str, str]] = set()
        offset: int | None = 0
        while offset is not None:
            query = f"limit=500&offset={offset}&deleted={str(deleted).lower()}"
            _, page = api.tell("GET", f"/api/v1/bundles?{query}")
            found |= {(bundle["name"], bundle["version"]) for bundle in page["bundles"]}
            offset = page["next_offset"]
        for key in sorted(expected ^ found):
            yield f"{':'.join(key)} is {'missing' if key in expected else 'too much'} in the list, deleted={deleted}"


def _alias_problems(api: Api, record: Record, name: str, alias: str) -> Iterator[str]:
    """The history explains every acknowledged change, and each of its lines was asked for."""
    what = f"{name}@{alias}"
    _, answer = api.tell("GET", f"/api/v1/alias-history/{name}?alias={alias}")
    history = [(_seconds(change["changed_at"]), change["version"]) for change in reversed(answer["changes"])]
    moves = [move for move in record.moves if (move.name, move.alias) == (name, alias)]
    for (before_s, before), (after_s, after) in pairwise(history):
        if after_s < before_s:
            yield f"{what}: the history goes back in time"
        if before == after:
            yield f"{what}: {before} stands twice in a row"
    asked, kept = Counter(move.version for move in moves), Counter(version for _, version in history)
    for version, count in kept.items():
        if count > asked[version]:
            yield f"{what}: {version} stands {count} times in the history, and was asked for {asked[version]} times"
    if kept[None] != asked[None]:
        yield f"{what}: removed {asked[None]} times, and {kept[None]} times in the history"
    for move in moves:
        if not _was_so(history, move):
            yield f"{what}: {move.version} was acknowledged, and it never stood for that then"
    _, now = api.tell("GET", f"/api/v1/aliases/{name}")
    found: dict[str, Any] = {one["alias"]: one["version"] for one in now["aliases"]}
    if found.get(alias) != (history[-1][1] if history else None):
        yield f"{what} stands for {found.get(alias)}, and the history ends with {history[-1:]}"


def _was_so(history: list[tuple[float, str | None]], move: AliasMove) -> bool:
    """Whether the alias stood for what was asked at some time between the question and the answer."""
    ends = [at_s for at_s, _ in history[1:]] + [float("inf")]
    return any(
        version == move.version and at_s <= move.ended_s + _TICK_S and end_s >= move.began_s - _TICK_S
        for (at_s, version), end_s in zip(history, ends, strict=True)
    )


def _status_problems(api: Api, record: Record) -> Iterator[str]:
    for status, count in sorted(record.statuses.items()):
        if status >= 500:
            yield f"{count} answers had the status {status}"
    _, text = api.ask("GET", "/metrics")
    for line in re.findall(r'^YATAI_requests_total\{.*status="5\d\d"\} .*$', text.decode(), re.MULTILINE):
        yield f"the registry counted: {line}"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

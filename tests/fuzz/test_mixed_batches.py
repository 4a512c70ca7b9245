"""Good, malformed, discarded, failing and abandoned requests at once to a served bundle: each is answered as alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.fuzz.mixed_service import CASES, KINDS, SERVICE, Case
from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server, metric, save_bundle
from tests.thoroughness import examples

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = examples(150)
CONNECTIONS = 40

Answer = tuple[int, bytes, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("mixed")
    bundle = save_bundle(directory, SERVICE, class_name="Mixed")
    with live_server(bundle, "-w", "2", home=directory / "served", command="serve-gunicorn") as running:
        yield running


async def _ask(client: httpx.AsyncClient, case: Case, kind: str, number: int) -> Answer:
    path = case.api if case.path is None else case.path
    headers = {"Content-Type": case.content_type}
    response = await client.post(f"/{path}", content=case.body(kind, number), headers=headers)
    return response.status_code, response.content, response.headers["content-type"]


async def _abandon(client: httpx.AsyncClient, case: Case, number: int, patience_s: float) -> None:
    """Ask, and leave when the answer does not come at once."""
    try:
        await asyncio.wait_for(_ask(client, case, "good", number), patience_s)
    except asyncio.TimeoutError:
        return


async def _mix(url: str, case: Case, seed: int) -> tuple[list[tuple[str, int]], list[Answer], list[Answer]]:
    """What was asked for, the answers of all at once, and of one after the other."""
    chance = random.Random(seed)
    kinds = chance.choices([*KINDS, "abandoned"], k=REQUESTS)
    asked = [(kind, number) for number, kind in enumerate(kinds) if kind != "abandoned"]
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False, verify=NO_TLS) as client:
        leaving = [
            _abandon(client, case, number, chance.uniform(0.001, 0.03))
            for number, kind in enumerate(kinds)
            if kind == "abandoned"
        ]
        asking = [_ask(client, case, kind, number) for kind, number in asked]
        answers, _ = await asyncio.gather(asyncio.gather(*asking), asyncio.gather(*leaving))
        alone = [await _ask(client, case, kind, number) for kind, number in asked]
    return asked, answers, alone


@pytest.mark.parametrize("case", CASES, ids=str)
def test_requests_of_all_kinds_at_once_are_answered_as_alone(server: LiveServer, case: Case) -> None:
    batches_before = metric(server, "Mixed_mb_batch_size_count", endpoint=case.api)
    asked, answers, alone = asyncio.run(_mix(server.url, case, seed=1))
    for (kind, number), together, by_itself in zip(asked, answers, alone, strict=True):
        assert together == by_itself, (kind, number)
        assert together[0] == KINDS[kind], (kind, number)
    good = [body for (kind, _), (_, body, _) in zip(asked, answers, strict=True) if kind == "good"]
    assert len(set(good)) == len(good), "the answers do not tell their requests apart"
    assert Counter(kind for kind, _ in asked).keys() == KINDS.keys()
    # Each request is asked twice, the second time alone: fewer batches mean that requests shared some.
    assert metric(server, "Mixed_mb_batch_size_count", endpoint=case.api) - batches_before < 1.8 * len(asked)

"""Nothing is lost and nothing is mixed up, whatever happens to workers and clients; see `harness.py`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.server.fault_injection.harness import Harness, Plan


def seed() -> int:
    """A new one each time, unless the environment asks for one that was printed."""
    return int(os.environ.get("FAULT_SEED") or random.randrange(1 << 32))


def test_requests_are_accounted_for_when_a_worker_dies_and_clients_leave(tmp_path: Path) -> None:
    plan = Plan(seed(), load_s=5, steady=8, leaving=2, hostile=1, pauses_s=(1.5, 2.5), weights={"kill": 3, "poison": 1})
    print(Harness(tmp_path, plan).run())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_requests_are_accounted_for_under_every_fault_at_once(tmp_path: Path) -> None:
    weights = {"kill": 5, "kill_all": 1, "kill_early": 1, "stop": 2, "pause": 2, "hang": 1, "poison": 2, "reload": 2}
    # Workers are also replaced in order: after about so many requests.
    recycling = ("--worker-max-requests", "2000")
    plan = Plan(seed(), 60, steady=16, leaving=4, hostile=2, pauses_s=(0.5, 4.0), weights=weights, arguments=recycling)
    print(Harness(tmp_path, plan).run())

"""Engines with a storage of their own, for all tests of one process."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from tests.deploy.containers.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    made = Machine(Path(mkdtemp(prefix="bentoml-images-", dir="/var/tmp")))
    made.set_up()
    yield made
    made.tear_down()

"""The settings of the C library reach the processes unless the user has some."""

from __future__ import annotations

import pytest

from bentoml.server.processes.allocator import allocator_settings


def test_settings_keep_some_freed_memory() -> None:
    settings = allocator_settings({"PATH": "/bin"})
    assert settings.keys() == {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}
    assert all(int(value) >= 1 << 20 for value in settings.values())


@pytest.mark.parametrize("name", ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
def test_settings_of_the_user_stay_alone(name: str) -> None:
    assert allocator_settings({name: "1"}) == {}

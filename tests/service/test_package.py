"""`bentoml.service` gives out its names, and loads only what is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import bentoml.service


@pytest.mark.parametrize("name", bentoml.service.__all__)
def test_public_name_when_asked_for_is_there(name: str) -> None:
    assert callable(getattr(bentoml.service, name))
    assert name in dir(bentoml.service)


@pytest.mark.parametrize("name", ["artifacts", "decorators", "env", "metadata"])
def test_submodule_when_asked_for_as_attribute_is_the_module(name: str) -> None:
    module = bentoml.service.__getattr__(name)
    assert isinstance(module, ModuleType)
    assert module is importlib.import_module(f"bentoml.service.{name}")


def test_unknown_name_when_asked_for_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'bentoml\.service' has no attribute 'nope'"):
        bentoml.service.__getattr__("nope")


def test_metadata_when_imported_leaves_out_what_runs_a_service() -> None:
    script = (
        "import sys, bentoml.service.metadata; print(*(name for name in sys.modules if name.startswith('bentoml')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()).isdisjoint(
        {"bentoml.service.bento_service", "bentoml.service.inference_api", "bentoml.service.artifacts"}
    )

"""Names that can be imported, names that were dropped, and what importing costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "name", "target"),
    [
        ("bentoml.handlers", "BentoHandler", "BaseInputAdapter"),
        ("bentoml.handlers", "DataframeHandler", "DataframeInput"),
        ("bentoml.handlers", "ImageHandler", "MultiImageInput"),
        ("bentoml.handlers", "JsonHandler", "JsonInput"),
    ],
)
def test_old_name_is_the_new_class(module: str, name: str, target: str) -> None:
    assert getattr(importlib.import_module(module), name) is getattr(
        importlib.import_module("bentoml.adapters"), target
    )


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bentoml.adapters", "ClipperBytesInput"),
        ("bentoml.adapters", "ClipperStringsInput"),
        ("bentoml.handlers", "ClipperFloatsHandler"),
        ("bentoml.clipper", "deploy_bentoml"),
        ("bentoml.artifact", "Fastai1ModelArtifact"),
        ("bentoml.artifact", "OnnxMlirModelArtifact"),
        ("bentoml.frameworks.onnxmlir", "OnnxMlirModelArtifact"),
    ],
)
def test_dropped_name_says_so(module: str, name: str) -> None:
    with pytest.raises(ImportError, match=f"{name} was dropped"):
        exec(f"from {module} import {name}")


@pytest.mark.parametrize("module", ["bentoml.adapters", "bentoml.handlers", "bentoml.artifact", "bentoml.clipper"])
def test_unknown_name_is_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = importlib.import_module(module).Nonsense


def test_importing_the_pipeline_loads_no_heavy_library() -> None:
    program = (
        "import sys, bentoml.adapters, bentoml.handlers, bentoml.service.inference_api; "
        "print(sorted({'numpy', 'pandas', 'asyncio', 'PIL', 'imageio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_package_loads_no_adapter_until_one_is_asked_for() -> None:
    program = (
        "import sys, bentoml.adapters; loaded = lambda: "
        "[name for name in sorted(sys.modules) if name.startswith('bentoml.adapters.') and name.endswith('_input')]; "
        "print(loaded()); bentoml.adapters.JsonInput; print('bentoml.adapters.json_input' in loaded())"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\nTrue\n"


def test_every_name_of_the_package_can_be_loaded() -> None:
    package = importlib.import_module("bentoml.adapters")
    assert [getattr(package, name).__name__ for name in package.__all__] == package.__all__ == dir(package)

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.deploy.container import ImageStep
from bentoml.deploy.plans import Workshop
from bentoml.exceptions import BentoMLConfigException, InvalidArgument
from tests.cli.saved_home import SavedHome


def test_image_step_when_shown_is_a_command_that_builds_the_same() -> None:
    step = ImageStep("Iris:1", "it's", push=True, bundle=Path, engine="podman")
    assert step.lines() == ("bentoml containerize Iris:1 --tag 'it'\"'\"'s' --push --engine podman",)
    assert step.creates == ()


def test_image_step_for_another_processor_says_so() -> None:
    step = ImageStep("Iris:1", "iris", push=False, bundle=Path, platforms=("linux/arm64",))
    assert step.lines() == ("bentoml containerize Iris:1 --tag iris --platform linux/arm64",)


def test_image_step_when_there_is_no_such_engine_says_so(saved: SavedHome, tmp_path: Path) -> None:
    step = ImageStep("Scaler:2.0", "scaler", push=False, bundle=lambda: saved.bundle, engine="oven")
    with pytest.raises(InvalidArgument, match="no container engine 'oven'"):
        step.run(Workshop(tmp_path))


def test_image_step_when_there_is_no_bundle_says_so(tmp_path: Path) -> None:
    step = ImageStep("Scaler:2.0", "scaler", push=False, bundle=lambda: tmp_path)
    with pytest.raises(BentoMLConfigException):
        step.run(Workshop(tmp_path))

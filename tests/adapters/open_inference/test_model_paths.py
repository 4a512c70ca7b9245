"""Paths of models."""

from __future__ import annotations

import pytest

from bentoml.adapters.open_inference.model_paths import infer_paths, is_infer_path, model_in


def test_paths_of_inference_name_their_model() -> None:
    paths = infer_paths("Service.predict", "2026_AB")
    assert paths == (
        "/v2/models/Service.predict/infer",
        "/v2/models/Service.predict/versions/2026_AB/infer",
    )
    assert {model_in(path) for path in paths} == {"Service.predict"}
    assert all(map(is_infer_path, paths))


@pytest.mark.parametrize("path", ["/v2/models/a", "/v2/models/a/ready", "/v1/models/a/infer", "v2/models/a/infer", "/"])
def test_other_paths_are_none_of_inference(path: str) -> None:
    assert not is_infer_path(path)

from __future__ import annotations

import json
from typing import Any

import pytest

from bentoml.service.metadata import ArtifactFile, ArtifactMetadata
from bentoml.yatai.server.web.bundle_details import Component, components_of, reasons_of, view_artifact


def test_artifact_is_named_without_what_all_are_called() -> None:
    artifact = ArtifactMetadata(
        "model",
        "SklearnModelArtifact",
        facts={
            "class": "SVC",
            "framework_version": "1.9",
            "input_signature": [{"name": None, "dtype": None, "shape": [None, 4]}, {"name": "x", "dtype": "float32"}],
        },
        files=(ArtifactFile("model.pkl", 10, "aa"), ArtifactFile("more", 5, "bb")),
    )
    view = view_artifact(artifact)
    assert (view.kind, view.size_bytes) == ("Sklearn", 15)
    assert view.facts == {"class": "SVC", "framework version": "1.9", "input signature": "(?, 4), x: float32"}


def test_requirements_have_their_reasons() -> None:
    manifest = {
        "requirements": {
            "kept": [
                {
                    "requirement": "numpy==2",
                    "because": [
                        {"kind": "import", "name": "numpy", "detail": "a.py:1"},
                        {"kind": "adapter", "name": "predict", "detail": "DataframeInput"},
                        {"kind": "artifact", "name": "model", "detail": ""},
                    ],
                }
            ]
        }
    }
    assert reasons_of(manifest, ["numpy==2", "pandas"]) == [
        ("numpy==2", ["import of numpy, a.py:1", "API predict (DataframeInput)", "artifact model"]),
        ("pandas", []),
    ]


@pytest.mark.parametrize("manifest", [{}, {"requirements": 3}, {"requirements": {"kept": [1, {"because": "x"}]}}])
def test_records_of_any_form_are_no_reason(manifest: dict[str, Any]) -> None:
    assert reasons_of(manifest, ["numpy"]) == [("numpy", [])]


def test_components_are_read_from_the_document() -> None:
    sbom = {
        "components": [
            {"name": "numpy", "version": "2", "type": "library", "licenses": [{"license": {"id": "BSD-3-Clause"}}]},
            {"name": "click", "version": "8", "type": "library", "licenses": [{"expression": "MIT OR Apache-2.0"}]},
            {"version": "no name"},
        ]
    }
    assert components_of(json.dumps(sbom).encode()) == [
        Component("click", "8", "library", "MIT OR Apache-2.0"),
        Component("numpy", "2", "library", "BSD-3-Clause"),
    ]


@pytest.mark.parametrize("sbom", [None, b"", b"{", b"[]", b'{"components": 3}', b'{"components": [1]}', b"\xff"])
def test_documents_of_any_form_have_no_components(sbom: bytes | None) -> None:
    assert components_of(sbom) == []

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml.exceptions import BentoMLConfigException, BentoMLException
from bentoml.server.front.bundle_view import BundleView
from bentoml.service.openapi import DEFAULT_DESCRIPTION
from tests.environments.late_import import late_import

openapi_spec_validator = late_import("openapi_spec_validator")

MANIFEST = """
version: 0.13.1
kind: BentoService
metadata: {created_at: 2021-06-01 10:00:00.000000, service_name: Iris, service_version: '1.0', module_name: iris, module_file: iris.py}
env: {python_version: 3.7.5}
apis:
- {name: predict, docs: Tells., input_type: DataframeInput, output_type: DefaultOutput, mb_max_batch_size: 20, mb_max_latency: 100, batch: true, route: predict}
artifacts:
- {name: model, artifact_type: PickleArtifact, metadata: {accuracy: 0.97}}
"""  # noqa: E501 - a file as it is


def document(description: str) -> str:
    paths: dict[str, object] = {"/metrics": {}, "/feedback": {}, "/a": {}}
    return json.dumps({"openapi": "3.0.0", "info": {"description": description}, "paths": paths})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A bundle of the classic system, by hand."""
    (tmp_path / "Iris").mkdir()
    (tmp_path / "bentoml.yml").write_text(MANIFEST)
    (tmp_path / "docs.json").write_text(document("The *docstring*."))
    (tmp_path / "README.md").write_text("# Generated")
    return tmp_path


def test_read_of_a_saved_bundle_gives_what_was_saved(everything_bundle: Path) -> None:
    view = BundleView.read(everything_bundle)
    assert (view.name, view.version) == ("Everything", everything_bundle.name)
    assert view.docs_json == (everything_bundle / "docs.json").read_bytes()
    assert view.readme == "An API of each *kind*."
    assert view.web_content_dir is None
    metadata = json.loads(view.metadata_json)
    assert metadata["name"] == "Everything"
    assert {api["name"] for api in metadata["apis"]} >= {"total", "echo", "odd"}
    assert "mbMaxLatency" in metadata["apis"][0]


def test_read_of_a_saved_bundle_imports_none_of_its_code(everything_bundle: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bentoml.server.front.bundle_view import BundleView; "
        f"BundleView.read(Path({str(everything_bundle)!r})); "
        "print(*(name for name in ('served_service', 'pandas', 'numpy', 'sqlalchemy') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_read_of_a_classic_bundle_fills_the_view(written: Path) -> None:
    view = BundleView.read(written)
    assert (view.name, view.version, view.readme) == ("Iris", "1.0", "The *docstring*.")
    assert json.loads(view.metadata_json)["artifacts"][0]["metadata"] == {"accuracy": 0.97}


@pytest.mark.parametrize("description", ["", " ", DEFAULT_DESCRIPTION])
def test_readme_without_a_docstring_is_that_of_the_bundle(written: Path, description: str) -> None:
    (written / "docs.json").write_text(document(description))
    assert BundleView.read(written).readme == "# Generated"
    (written / "README.md").unlink()
    assert BundleView.read(written).readme == ""


def test_openapi_json_leaves_out_what_is_switched_off(written: Path) -> None:
    view = BundleView.read(written)
    given = (written / "docs.json").read_bytes()
    assert view.openapi_json(metrics_enabled=True, feedback_enabled=True) == given
    assert list(json.loads(view.openapi_json(metrics_enabled=False, feedback_enabled=True))["paths"]) == [
        "/feedback",
        "/a",
    ]
    assert list(json.loads(view.openapi_json(metrics_enabled=True, feedback_enabled=False))["paths"]) == [
        "/metrics",
        "/a",
    ]
    assert list(json.loads(view.openapi_json(metrics_enabled=False, feedback_enabled=False))["paths"]) == ["/a"]


def test_openapi_json_of_a_classic_bundle_refers_to_what_is_there(written: Path) -> None:
    (written / "docs.json").unlink()
    made = BundleView.read(written).openapi_json(metrics_enabled=True, feedback_enabled=True, asks_for_tokens=True)
    document = json.loads(made)
    assert "401" in document["paths"]["/predict"]["post"]["responses"]
    openapi_spec_validator.OpenAPIV30SpecValidator(document).validate()


def test_read_without_a_document_makes_one_from_the_manifest(written: Path) -> None:
    (written / "docs.json").unlink()
    made = json.loads(BundleView.read(written).docs_json)
    assert made["paths"]["/predict"]["post"]["description"] == "Tells."
    assert made["info"]["title"] == "Iris"


@pytest.mark.parametrize("content", ["{", "[]", '{"paths": []}', "\xff"], ids=["cut", "array", "paths", "bytes"])
def test_read_with_a_broken_document_names_the_file(written: Path, content: str) -> None:
    (written / "docs.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(BentoMLException, match=r"docs\.json"):
        BundleView.read(written)


def test_read_with_web_content_names_its_directory(written: Path) -> None:
    (written / "Iris" / "web_static_content").mkdir(parents=True)
    assert BundleView.read(written).web_content_dir == written / "Iris" / "web_static_content"


def test_read_of_a_directory_that_is_no_bundle_refuses(tmp_path: Path) -> None:
    with pytest.raises(BentoMLConfigException, match="is not a saved bundle"):
        BundleView.read(tmp_path)

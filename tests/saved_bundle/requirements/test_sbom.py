"""The bill of materials, checked with the schema of CycloneDX and against what is installed."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle import save_to_dir
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.manifest import read_manifest
from bentoml.saved_bundle.requirements.closure import Closure, closure_of
from bentoml.saved_bundle.requirements.installed import InstalledDistribution, Origin
from bentoml.saved_bundle.requirements.licences import Licence
from bentoml.saved_bundle.requirements.sbom import BundleFacts, format_sbom
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.service.metadata import ArtifactFile, ArtifactMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages

DIGEST = "cd" * 32
FACTS = BundleFacts(
    service_name="Greeter",
    service_version="1.0",
    created_at=datetime(2024, 5, 17, 10, 15, tzinfo=timezone(timedelta(hours=2))),
    python_version="3.12.5",
    base_image="python:3.12-slim",
    library_sha256=DIGEST,
    artifacts=(),
)
HOSTILE = [
    '", "x": "',
    "\\",
    "a\nb",
    "\x00\x1b[31m",
    "\u2028",
    "\ud800",
    "ünï/cöde?#@%+",
    "</script>",
    "$(touch pwned)",
    "x" * 5000,
]


def schema_error(text: str) -> object:
    """What the schema has against a document; None when nothing."""
    # Importing it builds forty parsers, which every worker of a parallel run would do.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def checked(text: str) -> dict[str, Any]:
    """The document, when it is valid CycloneDX 1.6."""
    error = schema_error(text)
    assert error is None, error
    document: dict[str, Any] = json.loads(text)
    refs = [one["ref"] for one in document["dependencies"]]
    components = [document["metadata"]["component"], *document["components"]]
    assert refs == [one["bom-ref"] for one in components]
    assert len(set(refs)) == len(refs)
    assert {ref for one in document["dependencies"] for ref in one.get("dependsOn", ())} <= set(refs)
    return document


def by_name(document: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in document["components"]}


def closed(*distributions: InstalledDistribution, missing: tuple[str, ...] = ()) -> Closure:
    return Closure(distributions, tuple(one.name for one in distributions), (), missing)


def test_the_check_refuses_what_is_no_bill() -> None:
    assert schema_error('{"bomFormat": "CycloneDX", "surprise": 1}')


def test_save_writes_a_bill_of_all_that_the_bundle_needs(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    service.env.add_pip_package("scikit-learn")
    save_to_dir(service, bundle_dir)
    document = checked((bundle_dir / "sbom.cdx.json").read_text(encoding="ascii"))
    assert f"{file_digest(bundle_dir / 'sbom.cdx.json')}  sbom.cdx.json\n" in (bundle_dir / "SHA256SUMS").read_text()
    created = read_manifest(bundle_dir).created_at
    assert created is not None
    assert document["metadata"]["timestamp"] == created.isoformat(timespec="seconds")

    components = by_name(document)
    for name in ("scikit-learn", "numpy", "scipy", "sqlalchemy"):
        version = importlib.metadata.version(name)
        assert components[name]["version"] == version
        assert components[name]["purl"] == f"pkg:pypi/{name}@{version}"
    assert components["sqlalchemy"]["licenses"] == [{"expression": "MIT"}]
    assert document["compositions"][0]["aggregate"] == "complete"

    depends = {one["ref"].split("@")[0]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert [ref.split("@")[0] for ref in depends["pkg:generic/Greeter"]] == [
        "pkg:generic/bentoml",
        "pkg:pypi/scikit-learn",
        "artifact:model",
    ]
    assert components["numpy"]["purl"] in depends["pkg:pypi/scikit-learn"]

    wheel = file_digest(bundle_dir / "bundled_pip_dependencies" / WHEEL_NAME)
    assert components["bentoml"]["hashes"] == [{"alg": "SHA-256", "content": wheel}]
    model = components["model"]
    assert model["type"] == "machine-learning-model"
    pickled = file_digest(bundle_dir / "Greeter" / "artifacts" / "model.pkl")
    assert model["components"] == [
        {"type": "file", "name": "model.pkl", "hashes": [{"alg": "SHA-256", "content": pickled}]}
    ]
    assert {"name": "bentoml:carries_pickle", "value": "true"} in model["properties"]


def test_bill_of_the_same_bundle_has_the_same_bytes() -> None:
    first, again = (format_sbom(closure_of("scikit-learn"), FACTS) for _ in range(2))
    assert first == again
    other = checked(format_sbom(closure_of("scikit-learn"), replace(FACTS, service_version="1.1")))
    assert checked(first)["serialNumber"] != other["serialNumber"]
    assert checked(first)["metadata"]["timestamp"] == "2024-05-17T08:15:00+00:00"


def test_bill_says_what_is_missing(site: SitePackages) -> None:
    site.add("alpha", "1.0", "Requires-Dist: nothere")
    document = checked(format_sbom(closure_of("alpha"), FACTS))
    assert document["compositions"][0]["aggregate"] == "incomplete"
    missing = [one for one in document["metadata"]["component"]["properties"] if one["name"] == "bentoml:missing"]
    assert [one["value"] for one in missing] == ["alpha needs nothere, which is not installed here"]


@pytest.mark.parametrize(
    ("origin", "purl", "hashed"),
    [
        (None, "pkg:pypi/alpha@1.0%2Bcpu", False),
        (Origin("", DIGEST, is_archive=True), "pkg:pypi/alpha@1.0%2Bcpu", True),
        (Origin("", None, is_archive=False), "pkg:generic/alpha@1.0%2Bcpu", False),
        (
            Origin("https://e.example/a.whl", DIGEST, is_archive=True),
            "pkg:pypi/alpha@1.0%2Bcpu?download_url=https%3A%2F%2Fe.example%2Fa.whl",
            True,
        ),
        (
            Origin("https://e.example/a.git", None, is_archive=False),
            "pkg:pypi/alpha@1.0%2Bcpu?vcs_url=https%3A%2F%2Fe.example%2Fa.git",
            False,
        ),
    ],
)
def test_bill_says_where_a_distribution_came_from(origin: Origin | None, purl: str, hashed: bool) -> None:
    one = InstalledDistribution("alpha", "1.0+cpu", (), origin, None)
    component = by_name(checked(format_sbom(closed(one), FACTS)))["alpha"]
    assert component["purl"] == purl
    assert ("hashes" in component) is hashed


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_bill_with_hostile_values_is_valid_and_holds_them_as_text(text: str) -> None:
    model = ArtifactMetadata(text, text, carries_pickle=False, files=(ArtifactFile(text, 1, DIGEST),))
    one = InstalledDistribution("alpha", "1.0", (), None, Licence(text, is_expression=False))
    facts = replace(FACTS, service_name=text, service_version=text, base_image=text, artifacts=(model,))
    document = checked(format_sbom(closed(one, missing=(text,)), facts))
    shown = text.replace("\ud800", "?")
    assert document["metadata"]["component"]["name"] == shown
    assert by_name(document)["alpha"]["licenses"] == [{"license": {"name": shown}}]
    assert by_name(document)[shown]["components"][0]["name"] == shown

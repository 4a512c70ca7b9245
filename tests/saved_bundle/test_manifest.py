"""`bentoml.yml`: written, read back, read in older forms, and refused when it is nonsense."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle import save_to_dir
from bentoml.saved_bundle.manifest import FORMAT_NUMBER, read_manifest
from bentoml.saved_bundle.manifest_document import format_manifest
from bentoml.service.metadata import ArtifactFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project

MINIMAL: dict[str, Any] = {
    "version": "0.7.8",
    "kind": "BentoService",
    "metadata": {"service_name": "Iris", "service_version": "1", "module_name": "iris"},
}


def read(directory: Path, document: Any) -> Any:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (directory / "bentoml.yml").write_text(text)
    return read_manifest(directory)


def with_api(**keys: Any) -> dict[str, Any]:
    return {**MINIMAL, "apis": [{"name": "predict", **keys}]}


def test_read_manifest_of_the_least_gives_defaults(tmp_path: Path) -> None:
    manifest = read(tmp_path, MINIMAL)
    assert (manifest.format_number, manifest.class_name, manifest.module_name) == (0, "Iris", "iris")
    assert (manifest.created_at, manifest.python_version, manifest.other_entries) == (None, "", ())
    assert manifest.metadata.apis == ()


OLD_APIS = [
    pytest.param({"handler_type": "DataframeHandler"}, {"input_type": "DataframeHandler"}, id="handler_type"),
    pytest.param(
        {"handler_type": "H", "handler_config": {"orient": "records"}},
        {"input_config": {"orient": "records"}},
        id="handler_config",
    ),
    pytest.param({"input_type": "I"}, {"output_type": "DefaultOutput", "output_config": {}}, id="no output_type"),
    pytest.param({"input_type": "I"}, {"route": "predict"}, id="no route"),
    pytest.param({"input_type": "I", "route": "v1/x"}, {"route": "v1/x"}, id="route"),
    pytest.param({"input_type": "I"}, {"batch": False}, id="no batch"),
    pytest.param({"input_type": "I"}, {"mb_max_latency": 20000, "mb_max_batch_size": 4000}, id="no limits"),
    pytest.param(
        {"input_type": "I", "mb_max_latency": 5, "batch": True}, {"mb_max_latency": 5, "batch": True}, id="set"
    ),
    pytest.param({"input_type": "I", "docs": None}, {"docs": ""}, id="null docs"),
]


@pytest.mark.parametrize(("entry", "expected"), OLD_APIS)
def test_read_manifest_of_an_older_api_entry_fills_in(
    tmp_path: Path, entry: dict[str, Any], expected: dict[str, Any]
) -> None:
    (api,) = read(tmp_path, with_api(**entry)).metadata.apis
    assert {name: getattr(api, name) for name in expected} == expected


TIMES = [
    pytest.param("2021-06-01 10:00:00.123456", datetime(2021, 6, 1, 10, 0, 0, 123456, timezone.utc), id="classic"),
    pytest.param("2021-06-01 10:00:00", datetime(2021, 6, 1, 10, tzinfo=timezone.utc), id="whole seconds"),
    pytest.param("'2021-06-01 10:00:00.5'", datetime(2021, 6, 1, 10, 0, 0, 500000, timezone.utc), id="quoted"),
    pytest.param("2021-06-01T12:00:00+02:00", datetime(2021, 6, 1, 10, tzinfo=timezone.utc), id="zone"),
    pytest.param("'2021-06-01T10:00:00Z'", datetime(2021, 6, 1, 10, tzinfo=timezone.utc), id="quoted, Z"),
    pytest.param("2021-06-01", datetime(2021, 6, 1, tzinfo=timezone.utc), id="date"),
    pytest.param("null", None, id="null"),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_read_manifest_takes_times_as_utc(tmp_path: Path, text: str, expected: datetime | None) -> None:
    document = yaml.safe_dump(MINIMAL) + "extra: 1\n"
    manifest = read(tmp_path, document.replace("metadata:\n", f"metadata:\n  created_at: {text}\n"))
    assert manifest.created_at == expected
    assert manifest.metadata.created_at == expected


def test_read_manifest_of_a_classic_environment(tmp_path: Path) -> None:
    env = {
        "setup_sh": b"#!/bin/bash\necho hi\n",
        "requirements_txt": "numpy\npandas\n",
        "conda_env": {"name": "x", "dependencies": ["python=3.7"]},
        "python_version": "3.7.10",
        "docker_base_image": "bentoml/model-server:0.13.1-py37",
    }
    found = read(tmp_path, {**MINIMAL, "env": env}).metadata.env
    assert found.setup_sh == "#!/bin/bash\necho hi\n"
    assert found.requirements_txt == "numpy\npandas\n"
    assert yaml.safe_load(found.conda_env) == env["conda_env"]
    assert found.docker_base_image == "bentoml/model-server:0.13.1-py37"


def test_read_manifest_of_a_version_that_yaml_took_for_a_number(tmp_path: Path) -> None:
    manifest = read(tmp_path, yaml.safe_dump(MINIMAL).replace("service_version: '1'", "service_version: 1"))
    assert (manifest.service_version, manifest.metadata.version) == ("1", "1")


def changed(**metadata: Any) -> dict[str, Any]:
    return {**MINIMAL, "metadata": {**MINIMAL["metadata"], **metadata}}


NONSENSE = [
    pytest.param("", "holds no keys", id="empty"),
    pytest.param("- a\n", "holds no keys", id="list"),
    pytest.param("a: [", "cannot be read", id="no yaml"),
    pytest.param("\0", "cannot be read", id="binary"),
    pytest.param("!!python/object/apply:os.system ['true']", "cannot be read", id="python object"),
    pytest.param({**MINIMAL, "kind": "Other"}, "'kind' is 'Other'", id="other kind"),
    pytest.param({**MINIMAL, "format": FORMAT_NUMBER + 1}, "install a newer bentoml", id="newer format"),
    pytest.param({**MINIMAL, "format": "x"}, "its format is 'x'", id="format that is no number"),
    pytest.param({**MINIMAL, "metadata": None}, "'service_name' is missing", id="no metadata"),
    pytest.param({**MINIMAL, "metadata": "x"}, "'metadata' must be a mapping", id="metadata that is text"),
    pytest.param(
        changed(service_name="../Iris"), "'service_name' is '../Iris', which is no Python name", id="path as name"
    ),
    pytest.param(changed(service_version=None), "'service_version' is missing", id="no version"),
    pytest.param(changed(module_name="../evil"), "'module_name' is '../evil'", id="path as module"),
    pytest.param(changed(module_name="a/b"), "'module_name' is 'a/b'", id="slash in module"),
    pytest.param(changed(module_name="a..b"), "'module_name' is 'a..b'", id="empty part in module"),
    pytest.param(changed(class_name="a b"), "'class_name' is 'a b'", id="class name"),
    pytest.param(changed(created_at="yesterday"), "'created_at' is 'yesterday'", id="time"),
    pytest.param(changed(created_at="2021-13-77"), "'created_at' is '2021-13-77'", id="time that is none"),
    pytest.param(changed(created_at="a: ["), "'created_at' is 'a: \\['", id="time that is no yaml"),
    pytest.param({**MINIMAL, "apis": {"name": 1}}, "'apis' must be a list", id="apis"),
    pytest.param({**MINIMAL, "artifacts": ["model"]}, "'artifacts' must be a list", id="artifacts"),
    pytest.param({**MINIMAL, "artifacts": [{"name": "x"}]}, "artifacts", id="artifact without type"),
    pytest.param(with_api(), "apis", id="api without type"),
    pytest.param({**MINIMAL, "env": ["x"]}, "'env' must be a mapping", id="env"),
    pytest.param({**MINIMAL, "version": None}, "'version' is missing", id="no library version"),
]


@pytest.mark.parametrize(("document", "message"), NONSENSE)
def test_read_manifest_of_nonsense_says_what_is_wrong(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(BentoMLConfigException, match=message) as raised:
        read(tmp_path, document)
    assert str(tmp_path / "bentoml.yml") in str(raised.value)


def test_format_manifest_writes_times_with_microseconds_and_bytes_as_binary() -> None:
    text = format_manifest(
        {"b": b"echo\n", "at": datetime(2021, 6, 1, tzinfo=timezone.utc), "text": "a\nb\n", "n": None}
    )
    assert "at: 2021-06-01 00:00:00.000000\n" in text
    assert "b: !!binary |" in text
    assert "text: |\n  a\n  b\n" in text
    assert yaml.safe_load(text) == {"b": b"echo\n", "at": datetime(2021, 6, 1), "text": "a\nb\n", "n": None}  # noqa: DTZ001


FULL = """
import bentoml
from bentoml.adapters import DataframeInput, JsonInput, JsonOutput
from bentoml.service.artifacts.common import PickleArtifact

@bentoml.env(setup_sh="echo 'set up'", conda_dependencies=["gcc=9"], conda_channels=["conda-forge"])
@bentoml.artifacts([PickleArtifact("model")])
@bentoml.ver(major=2, minor=1)
class Full(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(orient="records"), batch=True, mb_max_latency=50, route="/v1/x")
    def predict(self, df):
        '''Predicts: "things" & 'more' # not a comment.'''

    @bentoml.api(input=JsonInput(), output=JsonOutput())
    def echo(self, x):
        return x
"""


def recorded(directory: Path, name: str) -> dict[str, Any]:
    """What a manifest says of a file."""
    content = (directory / name).read_bytes()
    return {"path": name, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_manifest_of_a_saved_service_says_everything(project: Project, bundle_dir: Path) -> None:
    project.write(full=FULL)
    service = project.import_("full").Full()
    service.pack("model", 1, metadata={"accuracy": 0.9, "tags": ("a", "b")})
    save_to_dir(service, bundle_dir, version="x")
    document = yaml.safe_load((bundle_dir / "bentoml.yml").read_text())
    metadata = document["metadata"]
    assert (document["kind"], document["format"]) == ("BentoService", FORMAT_NUMBER)
    assert metadata["created_at"].tzinfo is None
    assert {key: metadata[key] for key in metadata if key != "created_at"} == {
        "service_name": "Full",
        "service_version": "2.1.x",
        "module_name": "full",
        "module_file": "full.py",
        "class_name": "Full",
    }
    echo, predict = document["apis"]
    assert predict["input_config"]["orient"] == "records"
    assert (predict["route"], predict["batch"], predict["mb_max_latency"]) == ("v1/x", True, 50)
    assert predict["docs"] == "Predicts: \"things\" & 'more' # not a comment."
    assert (echo["output_type"], "input_config" in echo) == ("JsonOutput", False)
    assert document["artifacts"] == [
        {
            "name": "model",
            "artifact_type": "PickleArtifact",
            "metadata": {"accuracy": 0.9, "tags": ["a", "b"]},
            "artifact_class": "bentoml.service.artifacts.pickle.PickleArtifact",
            "carries_pickle": True,
            "facts": {"class": "builtins.int"},
            "files": [recorded(bundle_dir / "Full" / "artifacts", name) for name in ("model.pkl", "model.yml")],
        }
    ]
    assert document["env"]["setup_sh"] == b"echo 'set up'"
    assert document["env"]["conda_env"]["dependencies"] == ["gcc=9"]
    assert document["env"]["docker_base_image"] == "condaforge/miniforge3"


def test_manifest_records_the_configured_deployment_version(
    project: Project, bundle_dir: Path, bentoml_home: Path
) -> None:
    (bentoml_home / "bentoml.yml").write_text("bento_bundle: {deployment_version: 0.13.1}\n")
    save_to_dir(project.greeter(), bundle_dir)
    assert read_manifest(bundle_dir).library_version == "0.13.1"


ARTIFACT = {"name": "model", "artifact_type": "PickleArtifact"}
DIGEST = "0" * 64


def test_read_manifest_of_an_older_artifact_leaves_open_what_it_does_not_say(tmp_path: Path) -> None:
    (artifact,) = read(tmp_path, {**MINIMAL, "artifacts": [ARTIFACT]}).metadata.artifacts
    assert (artifact.artifact_class, artifact.carries_pickle, artifact.facts, artifact.files) == ("", None, {}, ())


def test_read_manifest_gives_what_is_recorded_of_an_artifact(tmp_path: Path) -> None:
    entry = {
        **ARTIFACT,
        "artifact_class": "a.B",
        "carries_pickle": False,
        "facts": {"input_signature": [{"dtype": "f"}]},
        "files": [{"path": "model/x", "size_bytes": 3, "sha256": DIGEST}],
    }
    (artifact,) = read(tmp_path, {**MINIMAL, "artifacts": [entry]}).metadata.artifacts
    assert (artifact.artifact_class, artifact.carries_pickle) == ("a.B", False)
    assert artifact.facts == {"input_signature": [{"dtype": "f"}]}
    assert artifact.files == (ArtifactFile("model/x", 3, DIGEST),)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("artifact_class", 1),
        ("carries_pickle", "false"),
        ("carries_pickle", 0),
        ("facts", [1]),
        ("files", {"path": "x"}),
        ("files", ["x"]),
        ("files", [{"path": "x", "size_bytes": -1, "sha256": DIGEST}]),
        ("files", [{"path": "x", "size_bytes": True, "sha256": DIGEST}]),
        ("files", [{"path": "x", "size_bytes": 1, "sha256": "00"}]),
        ("files", [{"size_bytes": 1, "sha256": DIGEST}]),
    ],
)
def test_read_manifest_of_a_wrong_record_of_an_artifact_names_it(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(BentoMLConfigException, match="artifact 'model'"):
        read(tmp_path, {**MINIMAL, "artifacts": [{**ARTIFACT, key: value}]})


def test_manifest_of_two_artifacts_divides_the_files(project: Project, bundle_dir: Path) -> None:
    project.write(
        pair="""
        import bentoml
        from bentoml.service.artifacts.common import JSONArtifact, TextFileArtifact

        @bentoml.artifacts([JSONArtifact("model"), TextFileArtifact("model_notes"), TextFileArtifact("absent")])
        class Pair(bentoml.BentoService):
            pass
        """
    )
    service = project.import_("pair").Pair().pack("model", {}).pack("model_notes", "x", metadata={"by": "me"})
    save_to_dir(service, bundle_dir)
    model, notes, absent = read_manifest(bundle_dir).metadata.artifacts
    assert [file.path for file in model.files] == ["model.json"]
    assert [file.path for file in notes.files] == ["model_notes.txt", "model_notes.yml"]
    assert (model.carries_pickle, notes.carries_pickle, absent.carries_pickle) == (False, False, None)
    assert (absent.files, absent.facts) == ((), {})

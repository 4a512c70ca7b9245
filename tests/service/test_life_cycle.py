"""The life of a service as its user sees it: define, pack, save, load, call."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.datasets import load_iris
from sklearn.svm import SVC

import bentoml
from bentoml.exceptions import BentoMLException
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = '''
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.service.artifacts.common import JSONArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model"), JSONArtifact("names")])
@bentoml.ver(major=1, minor=4)
class IrisService(bentoml.BentoService):
    """Names flowers."""

    _bento_service_name = "Iris"

    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, df):
        return [self.artifacts.names[kind] for kind in self.artifacts.model.predict(df)]
'''
NAMES = ["setosa", "versicolor", "virginica"]
ROW = b"[[5.1, 3.5, 1.4, 0.2]]"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bentoml.BentoService]:
    features, target = load_iris(return_X_y=True)
    source = tmp_path / "source"
    source.mkdir()
    (source / "iris_life.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(source)
    created: bentoml.BentoService = importlib.import_module("iris_life").IrisService()
    created.pack("model", SVC(gamma="scale").fit(features, target), metadata={"kernel": "rbf"}).pack("names", NAMES)
    yield created
    del sys.modules["iris_life"]


def answer_of(service: Any) -> tuple[int, bytes]:
    response = service.get_inference_api("predict").handle_request(HTTPRequest(body=ROW))
    return response.status, response.body if isinstance(response.body, bytes) else response.body.encode()


def test_save_returns_a_path_that_loads_under_its_own_name(service: bentoml.BentoService) -> None:
    path = service.save(version="7", labels={"team": "abc"})
    assert service.tag == "Iris:1.4.7"
    assert Path(path).is_dir()
    loaded = bentoml.load(path)
    assert type(loaded) is not type(service)
    assert (loaded.name, type(loaded).__name__, loaded.tag) == ("Iris", "IrisService", "Iris:1.4.7")
    assert loaded.artifacts["model"].metadata == {"kernel": "rbf"}
    assert loaded.get_bento_service_metadata_pb().created_at is not None
    assert answer_of(loaded) == answer_of(service) == (200, b'["setosa"]')


def test_save_when_tag_is_taken_says_how_to_go_on(service: bentoml.BentoService) -> None:
    service.set_version("7")
    service.save()
    with pytest.raises(BentoMLException, match=r"already registered in repository\. Reset BentoService version with"):
        service.save()


def test_loaded_service_can_be_saved_and_loaded_again(service: bentoml.BentoService, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    service.save_to_dir(str(tmp_path / "first"), version="7")
    bentoml.load(str(tmp_path / "first")).save_to_dir(str(tmp_path / "second"))
    again = bentoml.load(str(tmp_path / "second"))
    assert again.tag == "Iris:1.4.7"
    assert answer_of(again) == (200, b'["setosa"]')


def test_infer_pip_dependencies_map_names_what_the_module_imports(service: bentoml.BentoService) -> None:
    packages = service.infer_pip_dependencies_map()
    assert all(isinstance(version, str) and version for version in packages.values())
    assert "bentoml" not in packages
    assert "scikit-learn" in service.env._pip_packages


def test_save_when_an_artifact_is_missing_warns_with_the_frozen_text(
    service: bentoml.BentoService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bare = type(service)()
    bare.pack("names", NAMES)
    bare.save_to_dir(str(tmp_path), version="7")
    wanted = [r for r in caplog.records if r.msg == "Missing declared artifact '%s' for BentoService '%s'"]
    assert [record.args for record in wanted] == [("model", "Iris")]


def test_old_functions_do_the_same(service: bentoml.BentoService, tmp_path: Path) -> None:
    bentoml.save_to_dir(service, str(tmp_path), version="7")
    assert answer_of(bentoml.load_from_dir(str(tmp_path))) == (200, b'["setosa"]')
    assert Path(bentoml.save(service, version="8", labels={"team": "abc"})).name == "1.4.8"

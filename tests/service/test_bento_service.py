"""The base class of services."""

from __future__ import annotations

import gc
import logging
import re
import weakref
from pathlib import Path
from typing import Any

import pytest

import bentoml
from bentoml.adapters import DataframeInput, JsonInput, JsonOutput
from bentoml.exceptions import BentoMLConfigException, BentoMLException, InvalidArgument, NotFound
from bentoml.service import InferenceAPI
from bentoml.service.artifacts.common import PickleArtifact, TextFileArtifact


@bentoml.env(pip_packages=["numpy", "pandas==2.0.0"])
@bentoml.artifacts([PickleArtifact("model"), TextFileArtifact("vocabulary")])
class Example(bentoml.BentoService):
    """An example."""

    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, frame: Any) -> Any:
        """Predict."""
        return frame * self.artifacts.model

    @bentoml.api(input=JsonInput(), output=JsonOutput(), route="v1/echo", api_name="reflect")
    def echo(self, value: Any) -> Any:
        return value

    @bentoml.api(input=JsonInput(), batch=True, mb_max_batch_size=8, mb_max_latency=500)
    def count(self, values: Any) -> Any:
        return [len(value) for value in values]


class Derived(Example):
    @bentoml.api(input=JsonInput())
    def another(self, value: Any) -> Any:
        return value


class Bare(bentoml.BentoService):
    pass


@bentoml.ver(major=3, minor=0)
class Versioned(bentoml.BentoService):
    def versioneer(self) -> str:
        return "g1a2b3c"


class Renamed(bentoml.BentoService):
    _bento_service_name = "Public"


def test_name_defaults_to_the_class_and_can_be_overridden() -> None:
    assert (Example.name, Example().name) == ("Example", "Example")
    assert (Renamed.name, Renamed().name, Renamed.__name__) == ("Public", "Public", "Renamed")


def test_new_service_when_name_is_no_identifier_raises() -> None:
    class Bad(bentoml.BentoService):
        _bento_service_name = "no name"

    with pytest.raises(InvalidArgument, match="'no name'"):
        Bad()


def test_version_is_generated_once_and_kept() -> None:
    service = Bare()
    assert re.fullmatch(r"\d{14}_[0-9A-F]{6}", service.version)
    assert service.version == service.version
    assert service.tag == f"Bare:{service.version}"
    assert Bare().version != service.version


def test_set_version_returns_what_is_stored() -> None:
    service = Bare()
    assert service.set_version("2020.1") == "2020.1"
    assert (service.version, service.tag) == ("2020.1", "Bare:2020.1")


def test_set_version_without_argument_asks_the_versioneer() -> None:
    assert Versioned().set_version() == "3.0.g1a2b3c"
    assert Versioned().version == "3.0.g1a2b3c"
    assert Versioned().set_version("mine") == "3.0.mine"


def test_set_version_when_already_fixed_warns_and_overrides(caplog: pytest.LogCaptureFixture) -> None:
    service = Bare()
    service.set_version("a")
    service.set_version("a")
    assert caplog.records == []
    service.set_version("b")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert service.version == "b"


@pytest.mark.parametrize("version", ["", "latest", "a b", "a&b", "..", "../x"])
def test_set_version_when_not_allowed_raises_and_changes_nothing(version: str) -> None:
    service = Bare()
    service.set_version("a")
    with pytest.raises(InvalidArgument):
        service.set_version(version)
    assert service.version == "a"


def test_set_version_when_prefix_makes_it_too_long_raises() -> None:
    with pytest.raises(InvalidArgument):
        Versioned().set_version("x" * 127)


def test_pack_gives_the_object_to_the_artifact_and_can_be_chained() -> None:
    service = Example()
    assert service.pack("model", 3, metadata={"k": 1}).pack("vocabulary", "a b") is service
    assert (service.artifacts.model, service.artifacts["model"].get()) == (3, 3)
    assert service.artifacts["model"].metadata == {"k": 1}
    assert service.artifacts.vocabulary == "a b"


def test_pack_when_metadata_is_none_means_none_given() -> None:
    assert Example().pack("model", 3, metadata=None).artifacts["model"].metadata == {}


def test_pack_when_metadata_is_no_dict_raises_type_error() -> None:
    with pytest.raises(TypeError, match="metadata must be a dict"):
        Example().pack("model", 3, metadata=[1])


def test_pack_when_name_is_not_declared_raises_key_error() -> None:
    with pytest.raises(KeyError, match="'other' is not declared by 'Example'; declared: model, vocabulary"):
        Example().pack("other", 3)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        pytest.param(("model", "object"), {}, id="as on an instance"),
        pytest.param(("model",), {"obj": "object"}, id="object by keyword"),
        pytest.param((), {"model": "object"}, id="as in the oldest releases"),
    ],
)
def test_pack_when_called_on_the_class_raises(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    pack_of_class: Any = Example.pack
    with pytest.raises(BentoMLException, match="works on an instance"):
        pack_of_class(*args, **kwargs)


def test_instances_share_neither_artifacts_nor_environment() -> None:
    first, second = Example(), Example()
    first.pack("model", 1)
    first.env.add_pip_package("scipy")
    assert not second.artifacts["model"].is_ready
    assert "scipy" not in second.env._pip_packages
    assert "scipy" not in Example().env._pip_packages


def test_env_holds_declared_packages_and_those_of_adapters() -> None:
    assert Example().env._pip_packages == ["numpy", "pandas==2.0.0"]
    assert Bare().env._pip_packages == []

    class Frames(bentoml.BentoService):
        @bentoml.api(input=DataframeInput(), batch=True)
        def predict(self, frame: Any) -> Any:
            return frame

    assert Frames().env._pip_packages == ["pandas"]


def test_inference_apis_are_sorted_by_the_names_of_their_functions() -> None:
    assert [api.name for api in Example().inference_apis] == ["count", "reflect", "predict"]
    assert [api.name for api in Derived().inference_apis] == ["another", "count", "reflect", "predict"]
    assert Bare().inference_apis == []


def test_inference_api_carries_its_declaration() -> None:
    service = Example()
    api = service.get_inference_api("count")
    assert isinstance(api, InferenceAPI)
    assert api.service is service
    assert (api.mb_max_batch_size, api.mb_max_latency, api.batch, api.route) == (8, 500, True, "count")
    assert service.get_inference_api("reflect").route == "v1/echo"
    assert service.get_inference_api("predict").doc == "Predict."


@pytest.mark.parametrize("name", [None, ""])
def test_get_inference_api_without_name_gives_the_first(name: str | None) -> None:
    assert Example().get_inference_api(name).name == "count"


@pytest.mark.parametrize(("service", "name"), [(Example, "echo"), (Bare, "predict"), (Bare, None)])
def test_get_inference_api_when_there_is_none_raises(service: type[bentoml.BentoService], name: str | None) -> None:
    with pytest.raises(NotFound, match=f"Can't find API '{name}' in service '{service.__name__}'; its APIs: "):
        service().get_inference_api(name)


def test_decorated_method_called_directly_is_the_plain_function() -> None:
    assert Example().echo({"a": 1}) == {"a": 1}
    assert Example().count(["ab", "c"]) == [2, 1]


def test_new_service_when_adapter_does_not_support_the_mode_raises() -> None:
    class BatchOnly(DataframeInput):
        SINGLE_MODE_SUPPORTED = False

    class Bad(bentoml.BentoService):
        @bentoml.api(input=BatchOnly())
        def predict(self, frame: Any) -> Any:
            return frame

    with pytest.raises(BentoMLConfigException, match="BatchOnly does not support batch=False"):
        Bad()


@pytest.mark.parametrize("options", [{"api_name": "first"}, {"route": "/first"}], ids=["name", "route"])
def test_new_service_when_two_apis_collide_raises(options: dict[str, str]) -> None:
    class Bad(bentoml.BentoService):
        @bentoml.api(input=JsonInput())
        def first(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput(), **options)  # type: ignore[arg-type]
        def second(self, value: Any) -> Any:
            return value

    with pytest.raises(InvalidArgument, match="Two APIs of 'Bad'"):
        Bad()


def test_new_service_when_api_function_hides_a_member_raises() -> None:
    class Bad(bentoml.BentoService):
        @bentoml.api(input=JsonInput())
        def save(self, value: Any) -> Any:  # type: ignore[override]
            return value

    with pytest.raises(InvalidArgument, match=r"'save' hides BentoService\.save"):
        Bad()


def test_web_static_content_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @bentoml.web_static_content("static")
    class Pages(bentoml.BentoService):
        pass

    monkeypatch.chdir(tmp_path)
    assert Pages().web_static_content == "static"
    assert Pages().get_web_static_content_path() == str((tmp_path / "static").resolve())
    assert Bare().web_static_content is None
    assert Bare().get_web_static_content_path() is None


def test_class_of_a_bundle_loads_its_artifacts_and_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    original = Example().pack("model", 3, metadata={"k": 1}).pack("vocabulary", "a b")
    (tmp_path / "Example").mkdir()
    original.artifacts.save(tmp_path / "Example")

    class FromBundle(Example):
        _bento_service_name = "Example"
        _web_static_content = "static"
        _bento_service_bundle_path = str(tmp_path)
        _bento_service_bundle_version = "7"

    service = FromBundle()
    assert (service.artifacts.model, service.artifacts.vocabulary, service.tag) == (3, "a b", "Example:7")
    assert service.artifacts["model"].metadata == {"k": 1}
    assert service.get_web_static_content_path() == str((tmp_path / "Example" / "web_static_content").resolve())
    assert service.set_version("8") == "8"
    assert "from '7' to '8'" in caplog.text
    assert FromBundle().version == "7"


def test_service_that_is_dropped_goes_away() -> None:
    service = Example().pack("model", 3)
    reference = weakref.ref(service)
    del service
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize(
    ("options", "text"),
    [({"version": "latest"}, "latest"), ({"labels": {"a": "b"}}, "Invalid label key 'a'")],
    ids=["version", "labels"],
)
def test_save_when_version_or_labels_are_not_allowed_raises(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidArgument, match=text):
        Example().pack("model", 3).pack("vocabulary", "").save(**options)


def test_old_save_function_when_base_path_is_given_raises() -> None:
    with pytest.raises(InvalidArgument, match="base_path"):
        bentoml.save(Example(), base_path="/somewhere")


def test_metadata_describes_the_service() -> None:
    service = Example().pack("model", 3, metadata={"k": 1})
    service.set_version("9")
    metadata = service.get_bento_service_metadata_pb()
    assert (metadata.name, metadata.version, metadata.created_at, metadata.labels) == ("Example", "9", None, {})
    assert metadata.env.pip_packages == ("numpy", "pandas==2.0.0")
    assert metadata.env.docker_base_image.endswith("-slim")
    assert [(a.name, a.artifact_type, a.metadata) for a in metadata.artifacts] == [
        ("model", "PickleArtifact", {"k": 1}),
        ("vocabulary", "TextFileArtifact", {}),
    ]
    count, reflect, predict = metadata.apis
    assert (count.name, count.mb_max_batch_size, count.mb_max_latency, count.batch) == ("count", 8, 500, True)
    assert (predict.input_type, predict.output_type, predict.docs) == ("DataframeInput", "DefaultOutput", "Predict.")
    assert (reflect.name, reflect.route, reflect.output_type, reflect.batch) == (
        "reflect",
        "v1/echo",
        "JsonOutput",
        False,
    )

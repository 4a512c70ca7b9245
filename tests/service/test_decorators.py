"""What the decorators accept, refuse and leave behind."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import bentoml
from bentoml.adapters import BaseInputAdapter, DataframeInput, DefaultOutput, JsonInput, JsonOutput
from bentoml.exceptions import BentoMLConfigException, InvalidArgument
from bentoml.service.artifacts.common import PickleArtifact, TextFileArtifact
from bentoml.service.declaration import DECLARATION_ATTRIBUTE, ApiDeclaration


def plain(self: Any, values: Any) -> Any:
    return values


def documented(self: Any, values: Any) -> Any:
    """Say something.

    And more.
    """
    return values


def declared(function: Any) -> ApiDeclaration:
    declaration = getattr(function, DECLARATION_ATTRIBUTE)
    assert isinstance(declaration, ApiDeclaration)
    return declaration


def fresh(function: Any = plain) -> Any:
    """A copy of a function, since decorators leave a mark."""

    def predict(self: Any, values: Any) -> Any:
        return function(self, values)

    predict.__doc__ = function.__doc__
    return predict


def test_api_when_only_input_is_given_fills_the_defaults() -> None:
    adapter = JsonInput()
    function = fresh()
    assert bentoml.api(input=adapter)(function) is function
    declaration = declared(function)
    assert declaration.input_adapter is adapter
    assert isinstance(declaration.output_adapter, DefaultOutput)
    assert (declaration.name, declaration.route, declaration.batch) == ("predict", "predict", False)
    assert (declaration.mb_max_batch_size, declaration.mb_max_latency) == (4000, 20000)
    assert declaration.doc == "BentoService inference API 'predict', input: 'JsonInput', output: 'DefaultOutput'"


def test_api_when_everything_is_given_keeps_it() -> None:
    output = JsonOutput()
    decorate = bentoml.api(
        input=JsonInput(),
        output=output,
        api_name="score",
        route="/v1/score:now",
        api_doc="Scores.",
        mb_max_batch_size=7,
        mb_max_latency=300,
        batch=True,
    )
    declaration = declared(decorate(fresh()))
    assert declaration.output_adapter is output
    assert (declaration.name, declaration.route, declaration.doc) == ("score", "v1/score:now", "Scores.")
    assert (declaration.mb_max_batch_size, declaration.mb_max_latency, declaration.batch) == (7, 300, True)


def test_api_when_function_has_a_docstring_uses_it() -> None:
    assert declared(bentoml.api(input=JsonInput())(fresh(documented))).doc == "Say something.\n\nAnd more."


NO_ADAPTER = "must be an instance of a class derived from bentoml.adapters.BaseInputAdapter"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        pytest.param((), {"input": JsonInput}, id="class instead of instance"),
        pytest.param((), {"input": "json"}, id="text"),
        pytest.param((plain,), {}, id="decorator without parentheses"),
        pytest.param((JsonInput(),), {}, id="instance by position"),
        pytest.param((DefaultOutput,), {}, id="class of another kind"),
        pytest.param((), {"input": JsonInput(), "bacth": True}, id="misspelt option"),
        pytest.param((JsonInput,), {"input": JsonInput()}, id="both forms"),
    ],
)
def test_api_when_input_is_no_adapter_raises(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=NO_ADAPTER):
        bentoml.api(*args, **kwargs)


def test_api_when_output_is_no_adapter_raises() -> None:
    with pytest.raises(InvalidArgument, match="output= must be an instance"):
        bentoml.api(input=JsonInput(), output=JsonOutput)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"api_name": "a b"}, "^Invalid API name", id="name"),
        pytest.param({"api_name": "docs"}, "^Reserved API name", id="reserved name"),
        pytest.param({"api_name": ""}, "^Invalid API name", id="empty name"),
        pytest.param({"route": "a?b"}, "^Invalid API route", id="route"),
        pytest.param({"route": "metrics"}, "^Reserved API route", id="reserved route"),
        pytest.param({"mb_max_batch_size": 0}, "mb_max_batch_size", id="batch size 0"),
        pytest.param({"mb_max_batch_size": True}, "mb_max_batch_size", id="batch size bool"),
        pytest.param({"mb_max_latency": -1}, "mb_max_latency", id="negative latency"),
        pytest.param({"mb_max_latency": 1.5}, "mb_max_latency", id="fractional latency"),
    ],
)
def test_api_when_an_option_cannot_be_used_raises(options: dict[str, Any], text: str) -> None:
    decorate = bentoml.api(input=JsonInput(), batch=True, **options)
    with pytest.raises(InvalidArgument, match=text):
        decorate(fresh())


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_api_when_a_generator_is_to_be_batched_raises(is_async: bool) -> None:
    def words(self: Any, values: Any) -> Any:
        yield from values

    async def words_later(self: Any, values: Any) -> Any:
        for value in values:
            yield value

    with pytest.raises(InvalidArgument, match="is a generator function"):
        bentoml.api(input=JsonInput(), batch=True, api_name="words")(words_later if is_async else words)


def test_api_when_function_name_is_reserved_raises() -> None:
    def healthz(self: Any, values: Any) -> Any:
        return values

    with pytest.raises(InvalidArgument, match=r"^Reserved API name"):
        bentoml.api(input=JsonInput())(healthz)


@pytest.mark.parametrize(
    ("options", "warns"),
    [
        pytest.param({"mb_max_latency": 20000}, True, id="latency"),
        pytest.param({"mb_max_batch_size": 10}, True, id="batch size"),
        pytest.param({}, False, id="neither"),
        pytest.param({"mb_max_latency": 10, "batch": True}, False, id="batch"),
    ],
)
def test_api_when_batch_options_have_no_effect_warns(
    options: dict[str, Any], warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bentoml.api(input=JsonInput(), **options)(fresh())
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warns


def test_api_in_the_old_form_makes_the_adapter_and_chooses_its_mode() -> None:
    frame = declared(bentoml.api(DataframeInput, typ="frame", columns=["a"])(fresh()))
    assert isinstance(frame.input_adapter, DataframeInput)
    assert list(frame.input_adapter.columns or ()) == ["a"]
    assert frame.batch
    json = declared(bentoml.api(JsonInput, api_name="other")(fresh()))
    assert (json.name, json.batch) == ("other", False)
    assert isinstance(json.output_adapter, DefaultOutput)


class BatchOnly(DataframeInput):
    SINGLE_MODE_SUPPORTED = False


class SingleOnly(JsonInput):
    BATCH_MODE_SUPPORTED = False
    SINGLE_MODE_SUPPORTED = True


@pytest.mark.parametrize(
    ("adapter", "batch", "text"),
    [
        pytest.param(BatchOnly(), False, "BatchOnly does not support batch=False", id="batch only"),
        pytest.param(SingleOnly(), True, "SingleOnly does not support batch=True", id="single only"),
        pytest.param(BatchOnly(), True, None, id="batch"),
        pytest.param(SingleOnly(), False, None, id="single"),
    ],
)
def test_check_mode_when_adapter_does_not_support_it_raises(
    adapter: BaseInputAdapter, batch: bool, text: str | None
) -> None:
    declaration = declared(bentoml.api(input=adapter, batch=batch)(fresh()))
    if text is None:
        declaration.check_mode("Iris")
    else:
        with pytest.raises(BentoMLConfigException, match=f"API 'predict' of service 'Iris': {text}"):
            declaration.check_mode("Iris")


@pytest.mark.parametrize(
    "given",
    [PickleArtifact("model"), ["model"], [PickleArtifact], "model", None, {"model"}],
    ids=["artifact", "list of str", "list of classes", "str", "none", "set"],
)
def test_artifacts_when_not_a_list_of_artifacts_raises(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="only accept list of BentoServiceArtifact"):
        bentoml.artifacts(given)


def test_artifacts_when_a_name_occurs_twice_raises() -> None:
    with pytest.raises(InvalidArgument, match="Duplicated artifact name `model` detected"):
        bentoml.artifacts([PickleArtifact("model"), TextFileArtifact("model")])


def test_artifacts_when_the_attribute_is_a_method_of_the_collection_warns(caplog: pytest.LogCaptureFixture) -> None:
    bentoml.artifacts([PickleArtifact("values"), PickleArtifact("data")])
    assert [record.getMessage() for record in caplog.records] == [
        "Artifact 'values' can only be reached as artifacts['values'].get()"
    ]


def test_env_when_option_is_unknown_raises() -> None:
    with pytest.raises(InvalidArgument, match="@env does not know pip_pakages"):
        bentoml.env(pip_pakages=["a"])


@pytest.mark.parametrize("numbers", [(-1, 0), (1, -1), ("1", 0), (1.0, 0), (True, 0), (None, 1)], ids=repr)
def test_ver_when_not_whole_numbers_raises(numbers: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidArgument, match="@ver takes whole numbers"):
        bentoml.ver(*numbers)


def test_class_decorators_return_the_class_and_leave_their_declarations() -> None:
    class Service(bentoml.BentoService):
        pass

    decorated: Any = Service
    for decorate in (
        bentoml.artifacts([PickleArtifact("model")]),
        bentoml.env(pip_packages=["a"]),
        bentoml.ver(major=1, minor=2),
        bentoml.web_static_content("./static"),
    ):
        decorated = decorate(decorated)
    assert decorated is Service
    service = Service()
    assert list(service.artifacts) == ["model"]
    assert service.env._pip_packages == ["a"]
    assert service.set_version("x") == "1.2.x"
    assert service.web_static_content == "./static"


def test_decorators_are_found_under_their_old_names_in_the_package() -> None:
    import bentoml.service as package
    import bentoml.service.artifacts as artifacts_module

    assert package.api_decorator is bentoml.api
    assert package.artifacts_decorator is bentoml.artifacts
    assert package.env_decorator is bentoml.env
    assert package.ver_decorator is bentoml.ver
    assert package.web_static_content_decorator is bentoml.web_static_content
    assert artifacts_module.BentoServiceArtifact is package.BentoServiceArtifact

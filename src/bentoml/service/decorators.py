"""The decorators of a service definition."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from bentoml.exceptions import InvalidArgument
from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact
from bentoml.service.declaration import (
    DECLARATION_ATTRIBUTE,
    DEFAULT_MAX_BATCH_SIZE,
    DEFAULT_MAX_LATENCY_MS,
    ApiAdapters,
    ApiDeclaration,
)
from bentoml.service.env import BentoServiceEnv
from bentoml.service.naming import validate_api_name, validate_route
from bentoml.service.user_function import check_stream_mode, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.adapters import BaseInputAdapter, BaseOutputAdapter
    from bentoml.service.bento_service import BentoService

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
ClassT = TypeVar("ClassT", bound="type[BentoService]")

logger = logging.getLogger(__name__)


def api(
    *args: Any,
    input: BaseInputAdapter | None = None,  # noqa: A002 - the classic name
    output: BaseOutputAdapter | None = None,
    api_name: str | None = None,
    route: str | None = None,
    api_doc: str | None = None,
    mb_max_batch_size: int | None = None,
    mb_max_latency: int | None = None,
    batch: bool = False,
    idempotent: bool = True,
    **kwargs: Any,
) -> Callable[[FunctionT], FunctionT]:
    """Make a method of a service an inference API.

    The method itself stays as it is: calling it on an instance runs the plain function.

    Args:
        args: old form, `@api(DataframeHandler, ...)`: a class of input adapters and its arguments.
        input: the input adapter, an instance; chosen by the annotations of the function when not given.
        output: the output adapter. When not given, `DefaultOutput()`; without `input`, chosen by the return annotation.
        api_name: name of the API; the name of the function when not given.
        route: URL path; the name of the API when not given.
        api_doc: text for people; the docstring when not given.
        mb_max_batch_size: most requests merged into one call; 4000 when not given. For `batch=True`.
        mb_max_latency: budget of one request from arrival to answer, in milliseconds; 20000 when not given. It is not
            a time to wait for more requests. For `batch=True`.
        batch: the function takes a list with one element per request (a DataFrame for `DataframeInput`) and returns
            as many results. Otherwise it is called for one request at a time.
        idempotent: calling the function twice with one request does no harm. A server then tries a request again whose
            worker process died over it; otherwise that request is answered 503.
        kwargs: old form: further arguments of the input adapter.

    Raises:
        InvalidArgument: a name, route, adapter, annotation or number is not one that can be used, or a generator
            function is declared with `batch=True`.
    """
    given_input, given_output = _given_adapters(args, kwargs, input, output)
    if args and given_input is not None:
        # The old form knew no `batch`: each adapter class had the one mode that made sense for it.
        batch = batch or given_input.JOINS_REQUESTS or not given_input.SINGLE_MODE_SUPPORTED

    def decorator(function: FunctionT) -> FunctionT:
        name = validate_api_name(function.__name__ if api_name is None else api_name)
        check_stream_mode(name, kind_of(function), batch=bool(batch))
        adapters = _adapters_of(function, name, given_input, given_output, batch=bool(batch))
        if not batch and (mb_max_batch_size is not None or mb_max_latency is not None):
            logger.warning(
                "API '%s' is declared with batch=False, so mb_max_batch_size and mb_max_latency have no effect; "
                "declare it with batch=True to merge requests",
                name,
            )
        declaration = ApiDeclaration(
            name=name,
            route=validate_route(name if route is None else route),
            doc=_doc(function, name, api_doc, adapters),
            input_adapter=adapters.input_adapter,
            output_adapter=adapters.output_adapter,
            mb_max_batch_size=_positive("mb_max_batch_size", mb_max_batch_size, DEFAULT_MAX_BATCH_SIZE),
            mb_max_latency=_positive("mb_max_latency", mb_max_latency, DEFAULT_MAX_LATENCY_MS),
            batch=bool(batch),
            idempotent=bool(idempotent),
            argument_names=adapters.argument_names,
        )
        setattr(function, DECLARATION_ATTRIBUTE, declaration)
        return function

    return decorator


def artifacts(artifacts: Sequence[BentoServiceArtifact]) -> Callable[[ClassT], ClassT]:
    """Declare the artifacts of a service.

    Raises:
        InvalidArgument: not a list of artifacts, or two of them have one name.
    """
    if not isinstance(artifacts, (list, tuple)) or not all(
        isinstance(artifact, BentoServiceArtifact) for artifact in artifacts
    ):
        raise InvalidArgument(
            "BentoService @artifacts decorator only accept list of BentoServiceArtifact instances, "
            "such as @artifacts([PickleArtifact('model')])"
        )
    seen = set()
    for artifact in artifacts:
        if artifact.name in seen:
            raise InvalidArgument(f"Duplicated artifact name `{artifact.name}` detected. Each artifact needs its own")
        if hasattr(ArtifactCollection, artifact.name):
            logger.warning("Artifact '%s' can only be reached as artifacts['%s'].get()", artifact.name, artifact.name)
        seen.add(artifact.name)

    def decorator(service_class: ClassT) -> ClassT:
        service_class._declared_artifacts = tuple(artifacts)
        return service_class

    return decorator


def env(**options: Any) -> Callable[[ClassT], ClassT]:
    """Declare the environment of a service; `BentoServiceEnv` lists the options.

    Raises:
        InvalidArgument: an option is unknown, or has a value that can not be used.
    """
    unknown = sorted(options.keys() - inspect.signature(BentoServiceEnv).parameters.keys())
    if unknown:
        raise InvalidArgument(f"@env does not know {', '.join(unknown)}")
    declared = BentoServiceEnv(**options)

    def decorator(service_class: ClassT) -> ClassT:
        service_class._env = declared
        return service_class

    return decorator


def ver(major: int, minor: int) -> Callable[[ClassT], ClassT]:
    """Let every version of a service start with `<major>.<minor>.`.

    Raises:
        InvalidArgument: one of them is no whole number from 0.
    """
    for number in (major, minor):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise InvalidArgument(f"@ver takes whole numbers from 0, got {number!r}")

    def decorator(service_class: ClassT) -> ClassT:
        service_class._version_major = major
        service_class._version_minor = minor
        return service_class

    return decorator


def web_static_content(web_static_content: str) -> Callable[[ClassT], ClassT]:
    """Serve a directory with an `index.html` at `/`.

    Args:
        web_static_content: the directory, relative to the current one when the service is saved.
    """

    def decorator(service_class: ClassT) -> ClassT:
        service_class._web_static_content = str(web_static_content)
        return service_class

    return decorator


def _given_adapters(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    input_adapter: object,
    output_adapter: object,
) -> tuple[BaseInputAdapter | None, BaseOutputAdapter | None]:
    from bentoml.adapters import BaseInputAdapter, BaseOutputAdapter

    if input_adapter is None and args and isinstance(args[0], type) and issubclass(args[0], BaseInputAdapter):
        input_adapter = args[0](*args[1:], **kwargs)
    elif args or kwargs:
        raise InvalidArgument(
            f"@api does not know {[*args, *kwargs]}; input= must be an instance of a class derived from "
            "bentoml.adapters.BaseInputAdapter"
        )
    if input_adapter is not None and not isinstance(input_adapter, BaseInputAdapter):
        raise InvalidArgument(
            "@api input= must be an instance of a class derived from bentoml.adapters.BaseInputAdapter, such as "
            f"JsonInput(); got {input_adapter!r}"
        )
    if output_adapter is not None and not isinstance(output_adapter, BaseOutputAdapter):
        raise InvalidArgument(
            "@api output= must be an instance of a class derived from bentoml.adapters.BaseOutputAdapter, such as "
            f"JsonOutput(); got {output_adapter!r}"
        )
    return input_adapter, output_adapter


def _adapters_of(
    function: Callable[..., Any],
    name: str,
    input_adapter: BaseInputAdapter | None,
    output_adapter: BaseOutputAdapter | None,
    *,
    batch: bool,
) -> ApiAdapters:
    if input_adapter is not None:
        from bentoml.adapters import DefaultOutput

        return ApiAdapters(input_adapter, DefaultOutput() if output_adapter is None else output_adapter)
    from bentoml.service.inferred_adapters import infer_adapters

    return infer_adapters(function, name, batch=batch, output_adapter=output_adapter)


def _doc(function: Callable[..., Any], name: str, given: str | None, adapters: ApiAdapters) -> str:
    return (
        given
        or inspect.getdoc(function)
        or f"BentoService inference API '{name}', input: '{type(adapters.input_adapter).__name__}', "
        f"output: '{type(adapters.output_adapter).__name__}'"
    )


def _positive(option: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgument(f"@api {option} must be a whole number from 1, got {value!r}")
    return value

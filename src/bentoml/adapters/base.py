"""What every adapter does, and the order in which it is asked.

An input adapter turns what came over HTTP, the command line or AWS Lambda into one `InferenceTask` per request, and the
tasks of a batch into the arguments of the user function. An output adapter turns what the function returned into one
`InferenceResult` per task, and a result into an answer for the side it came from. `InferenceAPI` calls them:

    from_http_request | from_cli | from_aws_lambda_event     bytes  -> task
    fill_from_tensors                                        in place of the first, where `TAKES_TENSORS`
    validate_task                                            AssertionError -> 400
    group_tasks                                              tasks  -> groups that may share one call
    extract_user_func_args                                   group  -> positional arguments (`batch=True`)
    extract_single_args                                      task   -> positional arguments (`batch=False`)
    (the user function)
    pack_user_func_return_value                              value  -> one result per task, in order
    to_http_response | to_cli | to_aws_lambda_event          result -> answer

The contract of the family, checked by `tests/adapters/contract.py`:

- No step sees a task that an earlier step discarded.
- A request that cannot be read is discarded with its own status and text, wherever that is found out; or, while one
  request is read, an exception is raised. Its batch-mates never notice.
- What a request is answered does not depend on the requests that share its batch. When two requests cannot be put into
  one call without that, `group_tasks` parts them.
- A step may be asked again for fewer tasks, when a batch is split to find the one that fails.
"""

from __future__ import annotations

from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.errors import InputError, ReturnLengthError
from bentoml.adapters.wire.lambda_event import event_from_response
from bentoml.adapters.wire.result_text import body_of, encoded, write_lines
from bentoml.types import HTTPHeaders, HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bentoml.adapters.open_inference.tensor import Tensor, TensorSpec
    from bentoml.types import HTTPRequest, InferenceResult, InferenceTask

TEXT_CONTENT_TYPE = "text/plain; charset=utf-8"
BINARY_CONTENT_TYPE = "application/octet-stream"


class BaseInputAdapter:
    """Base of input adapters; see the module for the contract.

    Args:
        http_input_example: shown as the example of `application/json` in the OpenAPI document.
        request_schema: content type -> OpenAPI media object; replaces the generated schema.
        **base_config: kept in `config`, which is written to the bundle's manifest.
    """

    HTTP_METHODS: ClassVar[Sequence[str]] = ["POST", "GET"]
    BATCH_MODE_SUPPORTED: ClassVar[bool] = False
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True
    # Whether the argument of a batch is one object for all requests, such as a frame, and `task.batch` counts rows.
    JOINS_REQUESTS: ClassVar[bool] = False
    # Whether a request may also come as tensors of the Open Inference Protocol, which `fill_from_tensors` takes.
    TAKES_TENSORS: ClassVar[bool] = False

    # What holds for subclasses whose constructor does not call this one.
    http_input_example: Any = None
    custom_request_schema: Mapping[str, Any] | None = None
    _config: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        http_input_example: Any = None,
        request_schema: Mapping[str, Any] | None = None,
        **base_config: Any,
    ) -> None:
        self.http_input_example = http_input_example
        self.custom_request_schema = request_schema
        self._config = base_config

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self._config)

    @property
    def request_schema(self) -> dict[str, Any]:
        """Content type -> OpenAPI media object of the request body.

        Its `example`, where text can show one, is a body that the adapter accepts.
        """
        raise NotImplementedError

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter, without version."""
        return []

    def prepare(self) -> None:
        """Load what the first request would otherwise wait for; called once before a server is ready.

        Raises:
            MissingDependencyException: a library that requests need is not installed.
        """

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[Any]:
        """Make a task of one request, whose body is no longer compressed.

        A task made with an empty `task_id` is given its id by the caller.
        """
        raise NotImplementedError

    @property
    def tensor_specs(self) -> list[TensorSpec]:
        """The tensors that a request has, for the metadata of the model and its example."""
        return []

    def fill_from_tensors(
        self,
        task: InferenceTask[Any],  # noqa: ARG002 - for subclasses
        tensors: Sequence[Tensor],  # noqa: ARG002
    ) -> None:
        """Put tensors into `task.data`, as if they had been read from a body, or discard the task.

        Args:
            task: new; its headers say nothing about the tensors.
            tensors: at least one, with names that differ. Their arrays are not to be written to.

        Raises:
            InputError: the API takes other tensors.
        """
        raise InputError(f"{type(self).__name__} takes no tensors")

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make tasks of the arguments of `bentoml run`, one per value or file.

        Raises:
            CliUsageError: the arguments are misused.
        """
        raise NotImplementedError

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask[Any]:
        """Make a task of one AWS Lambda event."""
        raise NotImplementedError

    def validate_task(self, task: InferenceTask[Any]) -> None:
        """Raise `AssertionError` to have the task answered with status 400 and that text."""

    def group_tasks(self, tasks: Sequence[InferenceTask[Any]]) -> list[list[InferenceTask[Any]]]:
        """Part the tasks of a batch into groups that may share one call of the user function.

        Tasks may be discarded here; those are in no group.
        """
        return [list(tasks)]

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[Any, ...]:
        """Make the positional arguments of the user function from one group.

        Each argument has one element per task (or `task.batch` rows per task) in the order of the tasks. Tasks may be
        discarded here; the arguments then leave them out.
        """
        raise NotImplementedError

    def extract_single_args(self, task: InferenceTask[Any]) -> tuple[Any, ...]:
        """Make the positional arguments of a user function that takes one request at a time.

        The task may be discarded here; the arguments are then of no use.
        """
        args = self.extract_user_func_args([task])
        return () if task.is_discarded else tuple(values[0] for values in args)


class BaseOutputAdapter:
    """Base of output adapters; see the module for the contract.

    Args:
        **base_config: kept in `config`, which is written to the bundle's manifest.
    """

    # What holds for subclasses whose constructor does not call this one.
    _config: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, **base_config: Any) -> None:
        self._config = base_config

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return dict(self._config)

    @property
    def response_schema(self) -> dict[str, Any]:
        """Content type -> OpenAPI media object of every form that an answer with status 200 may have.

        Empty where that is not known; the adapters of this package know it.
        """
        return {}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter, without version."""
        return []

    def prepare(self) -> None:
        """Load what the first answer would otherwise wait for; called once before a server is ready.

        Raises:
            MissingDependencyException: a library that answers need is not installed.
        """

    def pack_user_func_return_value(
        self, return_result: Any, tasks: Sequence[InferenceTask[Any]]
    ) -> Sequence[InferenceResult[Any]]:
        """Cut what the user function returned into one result per task, in order.

        Raises:
            ReturnLengthError: the value does not have one element per task, or `task.batch` rows.
        """
        raise NotImplementedError

    def to_http_response(self, result: InferenceResult[Any]) -> HTTPResponse:
        """Make the HTTP answer of one result.

        Text without a content type of its own is sent as plain text.
        """
        body = result.data if type(result.data) is str else body_of(result)
        headers = result.http_headers
        if headers.get("content-type") is None:
            headers = HTTPHeaders(headers)
            headers.add("Content-Type", TEXT_CONTENT_TYPE if isinstance(body, str) else BINARY_CONTENT_TYPE)
        return HTTPResponse(result.http_status, headers, encoded(body))

    def to_cli(self, results: Iterable[InferenceResult[Any]]) -> int:
        """Write one line per result: data to stdout, errors to stderr.

        Returns:
            The exit code: 0, or that of the last failed result.
        """
        return write_lines(results, self.cli_line)

    def cli_line(self, result: InferenceResult[Any]) -> str:
        """What `bentoml run` prints for a result that is no error, without line end."""
        return encoded(body_of(result)).decode(errors="replace")

    def cli_writer(self, cli_args: Sequence[str]) -> Callable[[Iterable[InferenceResult[Any]]], int]:  # noqa: ARG002
        """What writes the results of one job of `bentoml run`, a batch at a time, and returns the exit code.

        Args:
            cli_args: the words of the job.

        Raises:
            CliUsageError: the words are misused.
        """
        return self.to_cli

    def to_aws_lambda_event(self, result: InferenceResult[Any]) -> dict[str, Any]:
        """Make the answer of a Lambda function behind API Gateway."""
        return event_from_response(self.to_http_response(result))


def piece_bounds(length: int, tasks: Sequence[InferenceTask[Any]]) -> list[int]:
    """Where to cut a return value of `length` elements or rows: task i has the piece `bounds[i]:bounds[i + 1]`.

    Raises:
        ReturnLengthError: the pieces of all tasks together do not have that length.
    """
    bounds = list(accumulate([1 if task.batch is None else task.batch for task in tasks], initial=0))
    if bounds[-1] != length:
        raise ReturnLengthError(f"the API function returned {length} values for {bounds[-1]} inputs")
    return bounds

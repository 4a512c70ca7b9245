"""One API of a service: from requests, command lines and Lambda events to answers."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from bentoml.adapters.base import TEXT_CONTENT_TYPE
from bentoml.adapters.default_output import DefaultOutput
from bentoml.adapters.open_inference.model_paths import MODELS
from bentoml.adapters.wire.cli_args import CliUsageError
from bentoml.service.batch_run import BatchRun
from bentoml.service.cli_job import Unwatched, run_cli_job
from bentoml.service.http_steps import refuse_unread, response_of, task_of
from bentoml.service.observer import GuardedObserver
from bentoml.service.stream_format import accepts_events
from bentoml.service.stream_run import OpenStream, StreamBrokenError, StreamRun
from bentoml.service.tensor_run import TensorRun, tensor_response_of, tensor_task_of
from bentoml.service.user_function import SurroundedFunction, UserFunction, check_stream_mode
from bentoml.types import HTTPHeaders, HTTPResponse, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from bentoml.adapters.base import BaseInputAdapter, BaseOutputAdapter
    from bentoml.service.cli_job import JobProgress
    from bentoml.service.observer import PredictionObserver
    from bentoml.types import HTTPRequest, InferenceResult

T = TypeVar("T")
R = TypeVar("R", bound=BatchRun)

REQUEST_ID_HEADER = "X-Request-Id"

logger = logging.getLogger(__name__)


class InferenceAPI:
    """Runs a user function on what its adapters read and write.

    The methods ending in `_async` are the pipeline; their twins run it to the end. A plain function runs in the calling
    thread either way, so the twins need no event loop for it.

    Args:
        service: the service instance.
        name: name of the API.
        doc: text for people.
        input_adapter: requests -> arguments.
        user_func: bound to the service; plain or `async def`, with `return` or with `yield`.
        output_adapter: return value -> answers; `DefaultOutput()` when None. What generators yield does not pass it.
        mb_max_latency: budget of a request from arrival to answer, milliseconds.
        mb_max_batch_size: most requests in one call.
        batch: whether the function takes many requests at once.
        route: URL path without leading slash; `name` when None.
        idempotent: whether a request may be run twice.
        argument_names: the parameters of the function that the arguments are for; None when their order says it.

    Raises:
        InvalidArgument: a generator function with `batch=True`.
    """

    def __init__(  # noqa: PLR0913 - the classic signature, and one more
        self,
        service: Any,
        name: str,
        doc: str,
        input_adapter: BaseInputAdapter,
        user_func: Callable[..., Any],
        output_adapter: BaseOutputAdapter | None = None,
        mb_max_latency: int = 20000,
        mb_max_batch_size: int = 4000,
        batch: bool = False,
        route: str | None = None,
        *,
        idempotent: bool = True,
        argument_names: Sequence[str] | None = None,
    ) -> None:
        self.service = service
        self.name = name
        self.doc = doc
        self.input_adapter = input_adapter
        self.user_func = user_func
        self.output_adapter = DefaultOutput() if output_adapter is None else output_adapter
        self.mb_max_latency = mb_max_latency
        self.mb_max_batch_size = mb_max_batch_size
        self.batch = batch
        self.route = name if route is None else route
        self.idempotent = idempotent
        self._function = UserFunction(user_func, "tasks" if batch else "task", argument_names)
        self._observer: GuardedObserver | None = None
        check_stream_mode(name, self._function.kind, batch=batch)

    @property
    def methods(self) -> Sequence[str]:
        """HTTP methods that the route answers."""
        return self.input_adapter.HTTP_METHODS

    @property
    def is_async(self) -> bool:
        """Whether the user function needs an event loop."""
        return self._function.is_async

    @property
    def is_stream(self) -> bool:
        """Whether the user function is a generator, so that answers are sent piece by piece."""
        return self._function.kind.is_stream

    @property
    def request_schema(self) -> dict[str, Any]:
        """Content type -> OpenAPI media object of the request body, with the adapter's example."""
        adapter = self.input_adapter
        custom = adapter.custom_request_schema
        schema: dict[str, Any] = dict(adapter.request_schema if custom is None else custom)
        if adapter.http_input_example is not None and "application/json" in schema:
            schema["application/json"] = {**schema["application/json"], "example": adapter.http_input_example}
        return schema

    @property
    def response_schema(self) -> dict[str, Any]:
        """Content type -> OpenAPI media object of the answer, where the output adapter says it."""
        return dict(self.output_adapter.response_schema)

    @property
    def takes_tensors(self) -> bool:
        """Whether the Open Inference Protocol is spoken for it: its adapter takes tensors, and it is no stream."""
        return self.input_adapter.TAKES_TENSORS and not self.is_stream

    def is_of_model(self, path: str) -> bool:
        """Whether a request that is for this API speaks the Open Inference Protocol."""
        return path.startswith(MODELS) and path != f"/{self.route}"

    def observe(self, observer: PredictionObserver) -> None:
        """Tell an observer how HTTP requests are answered from now on; what it raises costs no answer."""
        self._observer = GuardedObserver(observer, self.name)

    def surround(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter something before each call of the user function, and leave it afterwards."""
        self._function = SurroundedFunction(self._function, around)

    async def infer_async(self, tasks: Iterable[InferenceTask[Any]]) -> list[InferenceResult[Any]]:
        """Answer tasks: one result per task, in order."""
        tasks = list(tasks)
        for task in tasks:
            if not task.task_id:
                task.task_id = str(uuid4())
        if self.is_stream:
            return [await self._stream_run().collect(task) for task in tasks]
        run = BatchRun(self.name, self.input_adapter, self._function, self.output_adapter, is_batch=self.batch)
        return await run.infer(tasks)

    async def handle_batch_request_async(
        self, requests: Sequence[HTTPRequest], task_ids: Sequence[str] | None = None
    ) -> list[HTTPResponse]:
        """Answer HTTP requests that wait at the same time: one response per request, in order.

        Args:
            requests: with bodies as they came in, compressed or not.
            task_ids: the request id of each; made here when None. Each response carries its own as `X-Request-Id`.
        """
        ids = [str(uuid4()) for _ in requests] if task_ids is None else task_ids
        responses = await self.respond_async(requests, ids)
        for response, task_id in zip(responses, ids, strict=True):
            # A copy: adapters and user code may use one headers object for many results.
            response.headers = HTTPHeaders(response.headers)
            response.headers[REQUEST_ID_HEADER] = task_id
        return responses

    async def respond_async(self, requests: Sequence[HTTPRequest], task_ids: Sequence[str]) -> list[HTTPResponse]:
        """Answer as `handle_batch_request_async` does, for a server that adds `X-Request-Id` itself.

        Args:
            requests: with bodies as they came in, compressed or not.
            task_ids: the request id of each.

        Returns:
            One response per request, in order. Their headers may be shared: they are to be read, not changed.
        """
        if self.is_stream:
            pairs = zip(requests, task_ids, strict=True)
            return [await self._collected(request, task_id) for request, task_id in pairs]
        # Looked at once for all: of a batch, most requests have the same path.
        if any(map(self.is_of_model, {request.path for request in requests})):
            return await self._respond_in_tensors(requests, task_ids)
        tasks = [task_of(self, request, task_id) for request, task_id in zip(requests, task_ids, strict=True)]
        results = await self._watched(requests, tasks, self.infer_async(tasks))
        return [response_of(self, result) for result in results]

    async def open_stream_async(self, request: HTTPRequest, task_id: str) -> HTTPResponse | OpenStream:
        """Begin to answer an HTTP request with what the generator function yields.

        Args:
            request: with its body as it came in, compressed or not.
            task_id: the request id.

        Returns:
            An answer that has begun; or a whole one, when there is nothing to stream.
        """
        task = task_of(self, request, task_id)
        opening = self._open(request, task)
        opened = await (opening if self._observer is None else self._observer.watch_stream(request, task, opening))
        return opened if isinstance(opened, OpenStream) else response_of(self, opened)

    async def probe_async(self, request: HTTPRequest, task_id: str) -> HTTPResponse:
        """Answer an HTTP request to see whether that works, and let no observer know.

        Of a stream, no more than its first value is asked for.
        """
        task = task_of(self, request, task_id)
        if not self.is_stream:
            return response_of(self, (await self.infer_async([task]))[0])
        opened = await self._open(request, task)
        if not isinstance(opened, OpenStream):
            return response_of(self, opened)
        await opened.close()
        return HTTPResponse(opened.status, opened.headers)

    async def open_task_async(self, task: InferenceTask[Any]) -> InferenceResult[Any] | OpenStream:
        """Begin to answer a task with what the generator function yields; an answer may also be whole at once."""
        return await self._stream_run().open(task)

    async def handle_cli_async(self, cli_args: Sequence[str], progress: JobProgress | None = None) -> int:
        """See `run_cli_job`."""
        return await run_cli_job(self, cli_args, Unwatched() if progress is None else progress)

    def infer(self, tasks: Iterable[InferenceTask[Any]]) -> list[InferenceResult[Any]]:
        """See `infer_async`."""
        return self._run_to_end(self.infer_async(tasks))

    def infer_in(self, run_type: type[R], tasks: Sequence[InferenceTask[Any]]) -> tuple[R, list[InferenceResult[Any]]]:
        """Answer tasks in a run of another kind, which may keep more than results.

        Args:
            run_type: how the batch is taken through the pipeline.
            tasks: of an API that is no stream.

        Returns:
            The run, and one result per task, in order.
        """
        run = run_type(self.name, self.input_adapter, self._function, self.output_adapter, is_batch=self.batch)
        return run, self._run_to_end(run.infer(tasks))

    def handle_batch_request(
        self, requests: Sequence[HTTPRequest], task_ids: Sequence[str] | None = None
    ) -> list[HTTPResponse]:
        """See `handle_batch_request_async`."""
        return self._run_to_end(self.handle_batch_request_async(requests, task_ids))

    def respond(self, requests: Sequence[HTTPRequest], task_ids: Sequence[str]) -> list[HTTPResponse]:
        """See `respond_async`."""
        return self._run_to_end(self.respond_async(requests, task_ids))

    def probe(self, request: HTTPRequest, task_id: str) -> HTTPResponse:
        """See `probe_async`."""
        return self._run_to_end(self.probe_async(request, task_id))

    def handle_request(self, request: HTTPRequest) -> HTTPResponse:
        """Answer one HTTP request."""
        return self.handle_batch_request([request])[0]

    def handle_cli(self, cli_args: Sequence[str], progress: JobProgress | None = None) -> int:
        """Run a job of the command line; misuse of the arguments is said on stderr and returns 2, or 1.

        Args:
            cli_args: the words for the adapters.
            progress: is told how far the job has come.
        """
        try:
            return self._run_to_end(self.handle_cli_async(cli_args, progress))
        except CliUsageError as error:
            sys.stderr.write(f"{error.line(colors=sys.stderr.isatty())}\n")
            return error.exit_code

    def handle_aws_lambda_event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one AWS Lambda event."""
        try:
            task = self.input_adapter.from_aws_lambda_event(event)
        except Exception as error:  # noqa: BLE001 - adapters are user code as well
            task = InferenceTask(aws_lambda_event=dict(event))
            refuse_unread(self, task, error)
        (result,) = self.infer([task])
        return self.output_adapter.to_aws_lambda_event(result)

    async def _open(self, request: HTTPRequest, task: InferenceTask[Any]) -> InferenceResult[Any] | OpenStream:
        run = self._stream_run(as_events=accepts_events(",".join(request.headers.getlist("accept"))))
        return await run.open(task)

    def _stream_run(self, *, as_events: bool = False) -> StreamRun:
        return StreamRun(self.name, self.input_adapter, self._function, self.output_adapter, as_events=as_events)

    async def _collected(self, request: HTTPRequest, task_id: str) -> HTTPResponse:
        """The whole answer of a generator as one response."""
        opened = await self.open_stream_async(request, task_id)
        if isinstance(opened, HTTPResponse):
            return opened
        try:
            return HTTPResponse(opened.status, opened.headers, await opened.read_all())
        except StreamBrokenError as error:
            return HTTPResponse(500, [("Content-Type", TEXT_CONTENT_TYPE)], str(error))

    async def _respond_in_tensors(self, requests: Sequence[HTTPRequest], task_ids: Sequence[str]) -> list[HTTPResponse]:
        """Answer a batch with requests of the Open Inference Protocol in it."""
        tasks = [
            (tensor_task_of if self.is_of_model(request.path) else task_of)(self, request, task_id)
            for request, task_id in zip(requests, task_ids, strict=True)
        ]
        run = TensorRun(self.name, self.input_adapter, self._function, self.output_adapter, is_batch=self.batch)
        results = await self._watched(requests, tasks, run.infer(tasks))
        return [tensor_response_of(self, result, task) for result, task in zip(results, tasks, strict=True)]

    async def _watched(
        self,
        requests: Sequence[HTTPRequest],
        tasks: Sequence[InferenceTask[Any]],
        inferring: Awaitable[list[InferenceResult[Any]]],
    ) -> list[InferenceResult[Any]]:
        return await (inferring if self._observer is None else self._observer.watch(requests, tasks, inferring))

    def _run_to_end(self, pipeline: Coroutine[Any, Any, T]) -> T:
        if self.is_async:
            import asyncio

            return asyncio.run(pipeline)
        try:
            pipeline.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        pipeline.close()
        raise RuntimeError(f"API function '{self.name}' returned an awaitable; write it with async def")

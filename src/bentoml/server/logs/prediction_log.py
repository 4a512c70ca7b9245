"""The prediction log: one line of JSON for each request that a worker has answered.

```
{"service_name", "service_version", "api",
 "task": {"data", "task_id", "http_headers", "batch"?, "is_discarded"?},
 "result": {"data" or "err_msg", "http_status", "http_headers"},
 "request_id", "asctime"}
```

`record_text.py` says what becomes of bodies that are no text, too large or secret, and `record_headers.py` of headers.

Lines are put together by hand, as this costs a fraction of what an encoder takes for the same: of a request's record,
only the two bodies and the id are new.
"""

from __future__ import annotations

import json
import random
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from bentoml._util.logs import is_wanted
from bentoml.configuration import get_config
from bentoml.server.logs.record_headers import RecordHeaders
from bentoml.server.logs.record_text import RecordText
from bentoml.server.logs.record_time import RecordTime
from bentoml.server.logs.redaction import Redaction
from bentoml.service.batch_run import RETURN_MISMATCH, UNEXPECTED_ERROR
from bentoml.service.stream_tap import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.configuration.schema import PredictionLogging
    from bentoml.service import BentoService, InferenceAPI
    from bentoml.types import InferenceResult, InferenceTask

    # Takes (channel, lines, how many of them); never waits.
    SendLines = Callable[[str, bytes, int], None]

CHANNEL = "bentoml.prediction"
# The records of a batch go out in parts of about this size.
_PART_CHARACTERS = 1 << 18
# There is nothing in them to redact.
_OWN_MESSAGES = (RETURN_MISMATCH, UNEXPECTED_ERROR, STOPPED)


class PredictionLog:
    """Records what one API answers, as an observer of it.

    Args:
        service: of which it is part.
        api: the API.
        settings: what is written.
        send: takes the lines.
        chance: gives numbers from 0 to 1, below 1. They are drawn for each request, and have nothing to do with its id:
            clients choose ids, and could choose those that are recorded, or not.
    """

    def __init__(
        self,
        service: BentoService,
        api: InferenceAPI,
        settings: PredictionLogging,
        send: SendLines,
        chance: Callable[[], float] | None = None,
    ) -> None:
        names = {"service_name": service.name, "service_version": service.version, "api": api.name}
        self._head = f'{json.dumps(names, separators=(",", ":"))[:-1]},"task":{{'
        self._send = send
        self._sample_rate = settings.sample_rate
        self._chance = random.Random().random if chance is None else chance  # noqa: S311 - no secret depends on it
        self._max_bytes = self.kept_stream_bytes = settings.max_field_bytes
        self._is_plain = not settings.redact_fields
        task_redaction = result_redaction = None
        if settings.redact_fields:
            columns = getattr(api.input_adapter, "columns", None)
            task_redaction = Redaction(settings.redact_fields, columns if isinstance(columns, (list, tuple)) else ())
            result_redaction = Redaction(settings.redact_fields)
        self._task_text = RecordText(self._max_bytes, task_redaction)
        self._result_text = RecordText(self._max_bytes, result_redaction)
        self._headers = RecordHeaders(self._max_bytes, settings.redact_headers)
        self._time = RecordTime()

    def answered(self, tasks: Sequence[InferenceTask[Any]], results: Sequence[InferenceResult[Any]]) -> None:
        """Record a batch.

        Raises:
            Exception: a record could not be made; all others of the batch were.
        """
        sample_rate, chance, line_of = self._sample_rate, self._chance, self._line
        end = f',"asctime":"{self._time.text()}"}}\n'
        lines: list[str] = []
        characters = 0
        failure: Exception | None = None
        for task, result in zip(tasks, results, strict=True):
            if sample_rate < 1 and chance() >= sample_rate:
                continue
            try:
                line = line_of(task, result, end)
            except Exception as error:  # noqa: BLE001 - tasks and results hold what user code has put there
                failure = error
                continue
            lines.append(line)
            characters += len(line)
            if characters > _PART_CHARACTERS:
                self._send_lines(lines)
                lines = []
                characters = 0
        if lines:
            self._send_lines(lines)
        if failure is not None:
            raise failure

    def streamed(self, task: InferenceTask[Any], result: InferenceResult[Any], size_bytes: int) -> None:
        """Record an answer in pieces."""
        if self._sample_rate < 1 and self._chance() >= self._sample_rate:
            return
        self._send_lines([self._line(task, result, f',"asctime":"{self._time.text()}"}}\n', size_bytes)])

    def _line(
        self, task: InferenceTask[Any], result: InferenceResult[Any], end: str, size_bytes: int | None = None
    ) -> str:
        data = task.data
        if self._is_plain and type(data) is str and data.isascii() and len(data) <= self._max_bytes:
            task_data = f'"data":{encode_basestring_ascii(data)}'
        else:
            task_data = self._task_text.members("data", data)
        body = result.data
        if self._is_plain and type(body) is str and body.isascii() and len(body) <= self._max_bytes:
            result_data = f'"data":{encode_basestring_ascii(body)}'
        elif body is not None or not result.err_msg:
            result_data = self._result_text.members("data", body, size_bytes)
        else:
            result_data = ""
        if result.err_msg:
            error = self._error(result.err_msg)
            result_data = f"{result_data},{error}" if result_data else error
        more = ""
        if task.batch is not None:
            more = f',"batch":{task.batch:d}'
        if task.is_discarded:
            more += ',"is_discarded":true'
        task_id = encode_basestring_ascii(task.task_id)
        status = result.http_status
        headers_of = self._headers.members
        return (
            f'{self._head}{task_data},"task_id":{task_id},{headers_of(task.http_headers)}{more}}},'
            f'"result":{{{result_data},"http_status":{status if type(status) is int else _status(status)},'
            f'{headers_of(result.http_headers)}}},"request_id":{task_id}{end}'
        )

    def _error(self, message: Any) -> str:
        if message in _OWN_MESSAGES:
            return f'"err_msg":{encode_basestring_ascii(message)}'
        return self._result_text.members("err_msg", message)

    def _send_lines(self, lines: list[str]) -> None:
        self._send(CHANNEL, "".join(lines).encode("ascii"), len(lines))


def _status(status: Any) -> str:
    """What user code has set as a status, as JSON."""
    try:
        return str(int(status))
    except (TypeError, ValueError):
        return encode_basestring_ascii(str(status))


def configured_settings(*, quiet: bool = False) -> PredictionLogging | None:
    """What the configuration says; None where nothing would be written.

    Args:
        quiet: whether the console gets errors only.
    """
    return get_config().logging.prediction if is_wanted("prediction", console_copies=not quiet) else None


def record_predictions(service: BentoService, settings: PredictionLogging | None, send: SendLines) -> None:
    """Have all APIs of a service recorded from now on, if anything is to be written."""
    if settings is not None and settings.sample_rate > 0:
        for api in service.inference_apis:
            api.observe(PredictionLog(service, api, settings, send))

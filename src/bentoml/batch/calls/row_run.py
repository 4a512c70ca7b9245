"""The rows of a piece on their way through the pipeline of an API; those that fail are found by halving."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError, ReturnLengthError
from bentoml.adapters.wire.json_text import parse_json
from bentoml.adapters.wire.media_types import JSON
from bentoml.batch.calls.columns import RESULT, columns_of, is_plain
from bentoml.exceptions import BentoMLException
from bentoml.service.batch_run import BatchRun, UserFunctionError
from bentoml.types import InferenceError, InferenceResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bentoml.batch.calls.columns import Columns
    from bentoml.batch.calls.rows import Rows
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import InferenceTask

    Tasks = Sequence[InferenceTask[Any]]

DEADLY = "the worker process died while it was answering this row"


class ColumnRun(BatchRun):
    """A run whose answers are columns of many rows, and never pass an output adapter."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.answers: list[tuple[Tasks, Columns]] = []

    def _answer_values(self, values: Any, tasks: list[InferenceTask[Any]]) -> None:
        self._keep(tasks, self._columns, values, tasks)

    def _columns(self, values: Any, tasks: Tasks) -> Sequence[InferenceResult[Any]]:
        columns = columns_of(values, sum(task.batch or 1 for task in tasks))
        if not is_plain(columns):
            columns = {RESULT: [self._value_of(result) for result in self._packed(values, tasks)]}
        self.answers.append((tasks, columns))
        return [InferenceResult(data=None) for _ in tasks]

    def _value_of(self, result: InferenceResult[Any]) -> Any:
        """What is answered over HTTP, where the value itself is nothing that a file can hold."""
        response = self._output_adapter.to_http_response(result)
        if response.headers.content_type != JSON:
            raise ReturnLengthError(
                f"the API function returned values that are answered as {response.headers.content_type or 'bytes'}; "
                "a row of a file can be numbers, text or JSON"
            )
        return parse_json(response.body.decode())

    def _mismatch(self, tasks: list[InferenceTask[Any]], reason: object) -> None:
        for task in tasks:
            task.discard(err_msg=str(reason))

    def _refuse(self, task: InferenceTask[Any], error: Exception) -> None:
        cause = error.__cause__ if isinstance(error, UserFunctionError) else error
        is_ours = isinstance(cause, (InputError, BentoMLException))
        task.discard(err_msg=str(cause) if is_ours else f"{type(cause).__name__}: {cause}")


@dataclass
class PieceAnswers:
    """What became of the rows of a piece.

    Attributes:
        rows: how many there are.
        answers: the places of some rows, and their columns.
        errors: why others failed, by their places.
    """

    rows: int
    answers: list[tuple[Sequence[int], Columns]] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Caution:
    """What is known of a piece that ended the process of a worker.

    Attributes:
        cuts: rows before which a call ends, in rising order.
        deadly: rows that are not asked for again.
        announce: is told of the rows of a call before it begins.
    """

    cuts: Sequence[int] = ()
    deadly: Sequence[int] = ()
    announce: Callable[[int, int], None] | None = None


def answer_rows(api: InferenceAPI, rows: Rows, caution: Caution | None = None) -> PieceAnswers:
    """Ask an API for the answers to rows.

    Args:
        api: no stream.
        rows: of a piece.
        caution: None when nothing is known of the piece.
    """
    caution = caution or Caution()
    found = PieceAnswers(len(rows.positions) + len(rows.unreadable), errors=dict(rows.unreadable))
    found.errors.update((rows.positions[row], DEADLY) for row in caution.deadly)
    for start, end in _spans(len(rows.positions), rows.rows_per_call, caution):
        _answer_span(api, rows, start, end, found, caution)
    return found


def _spans(count: int, per_call: int | None, caution: Caution) -> Iterator[tuple[int, int]]:
    """The rows of each call."""
    deadly = set(caution.deadly)
    bounds = {0, count, *caution.cuts, *deadly, *(row + 1 for row in deadly)}
    if per_call is not None:
        bounds.update(range(0, count, per_call))
    ends = sorted(bound for bound in bounds if bound <= count)
    for start, end in pairwise(ends):
        if start not in deadly:
            yield start, end


def _answer_span(api: InferenceAPI, rows: Rows, start: int, end: int, found: PieceAnswers, caution: Caution) -> None:
    if caution.announce is not None:
        caution.announce(start, end)
    try:
        tasks = rows.tasks(start, end)
    except InputError as error:
        failed = str(error)
    else:
        failed = _answer_tasks(api, tasks, rows.positions[start:end], found)
    if not failed:
        return
    if end - start == 1:
        found.errors[rows.positions[start]] = failed
        return
    middle = (start + end) // 2
    _answer_span(api, rows, start, middle, found, caution)
    _answer_span(api, rows, middle, end, found, caution)


def _answer_tasks(
    api: InferenceAPI, tasks: list[InferenceTask[Any]], positions: Sequence[int], found: PieceAnswers
) -> str:
    """Keep the answers to tasks; the reason when a single task, which stands for all rows, failed."""
    run, results = api.infer_in(ColumnRun, tasks)
    if len(tasks) < len(positions):
        (result,) = results
        if isinstance(result, InferenceError):
            return str(result.err_msg) or "the row was refused"
        found.answers.extend((positions, columns) for _, columns in run.answers)
        return ""
    places = {id(task): position for task, position in zip(tasks, positions, strict=True)}
    for answered, columns in run.answers:
        found.answers.append(([places[id(task)] for task in answered], columns))
    found.answers.extend(
        ([position], {RESULT: [result.data]})
        for result, position in zip(results, positions, strict=True)
        if result.data is not None and not isinstance(result, InferenceError)
    )
    for result, position in zip(results, positions, strict=True):
        if isinstance(result, InferenceError):
            found.errors[position] = str(result.err_msg) or "the row was refused"
    return ""

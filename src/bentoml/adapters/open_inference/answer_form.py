"""How the answer to a request is to be written: it rides on the task that stands for the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.types import InferenceTask

_FORM = "_bentoml_tensor_answer"


@dataclass(slots=True)
class AnswerForm:
    """What a client wants to get. It is never changed; a frozen one would take four times as long to make.

    Attributes:
        model: the name under which it has asked.
        version: of the model that answers.
        request_id: its own id of the request, sent back to it; None when it has none.
        outputs: whether each tensor that it wants comes as bytes, by name; all tensors are wanted when empty.
        is_binary: whether tensors come as bytes of which `outputs` says nothing.
    """

    model: str
    version: str
    request_id: str | None = None
    outputs: Mapping[str, bool | None] = field(default_factory=dict)
    is_binary: bool = False


def keep_form(task: InferenceTask[Any], form: AnswerForm) -> None:
    """Have a task answered in tensors."""
    vars(task)[_FORM] = form


def form_of(task: InferenceTask[Any]) -> AnswerForm | None:
    """How a task is to be answered in tensors; None where its output adapter decides."""
    return vars(task).get(_FORM)

"""What a worker says about the tensors of an API, and how it fails a batch that has requests in tensors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bentoml.server.http.error_form import JSON_HEAD, model_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.server.http.answers import Answer
    from bentoml.service import InferenceAPI

logger = logging.getLogger(__name__)


def tensors_of(api: InferenceAPI) -> list[dict[str, Any]] | None:
    """The tensors that an API takes, as metadata have them; None when it takes none, as a stream does."""
    if not api.takes_tensors:
        return None
    try:
        return [spec.to_json() for spec in api.input_adapter.tensor_specs]
    except Exception:
        # A door to the adapter's code: what it cannot describe it may still be able to take.
        logger.exception("The tensors of API '%s' cannot be described", api.name)
        return []


def failed_answers(
    api: InferenceAPI, heads: Sequence[Sequence[Any]], items: Sequence[Sequence[Any]], answer: Answer
) -> list[Answer]:
    """The same failure for each request of a batch, in the form that it is told in.

    Args:
        api: that has failed.
        heads: of the `CALL` frame.
        items: of the `CALL` frame.
        answer: as text.
    """
    status, _, text = answer
    in_tensors: Answer = (status, JSON_HEAD, model_error(text))
    return [in_tensors if api.is_of_model(heads[number][1]) else answer for _, number, *_ in items]

"""What Lambda calls: the bundle in the working directory of an image answers events.

The client of the runtime, awslambdaric, looks up `handler` in this module once, before the first event. Only then the
bundle is loaded: in the time that Lambda gives for the start, with all processors, and not when somebody imports this.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

API_VARIABLE = "BENTOML_LAMBDA_API"
"""Variable with the name of the API that a function has."""


def load_handler(bundle: Path, api_name: str | None) -> Callable[[Mapping[str, Any], object], dict[str, Any]]:
    """A function that answers events with an API of a bundle.

    Args:
        bundle: its directory.
        api_name: of the API; None for the only one.

    Raises:
        BentoMLException: it cannot be loaded, or has no such API, or several and none is named.
    """
    from bentoml.saved_bundle.loader import load

    service = load(bundle)
    if api_name is None and len(service.inference_apis) != 1:
        names = ", ".join(api.name for api in service.inference_apis) or "none"
        raise BentoMLException(f"{service.name} has the APIs {names}; say which one: {API_VARIABLE}=NAME")
    api = service.inference_apis[0] if api_name is None else service.get_inference_api(api_name)

    def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - as Lambda calls it
        return api.handle_aws_lambda_event(event)

    return handle


def __getattr__(name: str) -> Any:
    if name != "handler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return load_handler(Path.cwd(), os.environ.get(API_VARIABLE) or None)
    except AttributeError as error:  # which would read as if there were no handler
        raise BentoMLException(f"the bundle could not be loaded: {error}") from error

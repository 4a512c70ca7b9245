"""What SageMaker asks of a container: three paths, of which one leads to the API that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata

PING = "/ping"
INVOCATIONS = "/invocations"
EXECUTION_PARAMETERS = "/execution-parameters"


def answering_api(service: BentoServiceMetadata, name: str | None, setting: str) -> ApiMetadata:
    """The API that answers `/invocations`: the one that is named, or else the only one.

    Args:
        service: with its APIs.
        name: of the API; None for the only one.
        setting: what names it, for the text of an error.

    Raises:
        InvalidArgument: there is no such API, or several and none is named, or one has a path of SageMaker.
    """
    names = ", ".join(api.name for api in service.apis) or "none"
    if name is None and len(service.apis) != 1:
        raise InvalidArgument(f"{service.name} has the APIs {names}; say which one answers SageMaker: {setting}")
    chosen = next((api for api in service.apis if name in {None, api.name}), None)
    if chosen is None:
        raise InvalidArgument(f"{service.name} has no API {name!r}; it has {names}: correct {setting}")
    for api in service.apis:
        path = f"/{api.route}"
        if path in {PING, EXECUTION_PARAMETERS} or (path == INVOCATIONS and api is not chosen):
            raise InvalidArgument(
                f"The API {api.name} has the path {path}, which means something else to SageMaker; give it another"
            )
    return chosen

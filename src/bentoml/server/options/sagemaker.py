"""What SageMaker asks of a container: three paths, of which one leads to the API that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata

PING = "/ping"
INVOCATIONS = "/invocations"
EXECUTION_PARAMETERS = "/execution-parameters"


def invoked_api(service: BentoServiceMetadata, options: ServeOptions) -> ApiMetadata | None:
    """The API that answers `/invocations`: the one that is named, or else the only one; None when that is switched off.

    Raises:
        BentoMLException: there is no such API, or several and none is named, or one has a path of SageMaker.
    """
    if not options.sagemaker_enabled:
        return None
    name = options.sagemaker_api_name
    names = ", ".join(api.name for api in service.apis) or "none"
    if name is None and len(service.apis) != 1:
        raise BentoMLException(
            f"{service.name} has the APIs {names}; say which one answers SageMaker: bento_server.sagemaker.api_name, "
            "or API_NAME of the container"
        )
    chosen = next((api for api in service.apis if name in {None, api.name}), None)
    if chosen is None:
        raise BentoMLException(
            f"{service.name} has no API {name!r} to answer SageMaker; it has {names}: correct "
            "bento_server.sagemaker.api_name, or API_NAME of the container"
        )
    for api in service.apis:
        path = f"/{api.route}"
        if path in {PING, EXECUTION_PARAMETERS} or (path == INVOCATIONS and api is not chosen):
            raise BentoMLException(
                f"The API {api.name} has the path {path}, which means something else to SageMaker; give it another "
                "route, or switch bento_server.sagemaker.enabled off"
            )
    return chosen

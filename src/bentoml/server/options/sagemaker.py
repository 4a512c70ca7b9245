"""Which API answers what SageMaker sends: it knows one path for all of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata

_SETTING = "bento_server.sagemaker.api_name, or API_NAME of the container"


def invoked_api(service: BentoServiceMetadata, options: ServeOptions) -> ApiMetadata | None:
    """The API that answers `/invocations`; None when that is switched off.

    Raises:
        InvalidArgument: there is none that could; see `answering_api`.
    """
    if not options.sagemaker_enabled:
        return None
    # Here, as the parent looks at what it serves, and loads no more of the service than it has to.
    from bentoml.service.sagemaker import answering_api

    return answering_api(service, options.sagemaker_api_name, _SETTING)

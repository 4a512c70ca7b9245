"""What a new instance of a service is made of, from what its class declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument
from bentoml.service.declaration import declared_apis
from bentoml.service.env import BentoServiceEnv
from bentoml.service.inference_api import InferenceAPI
from bentoml.service.requirement_reasons import ADAPTER, ARTIFACT, Reason

if TYPE_CHECKING:
    from bentoml.service.bento_service import BentoService


def make_inference_apis(service: BentoService, base: type[BentoService]) -> list[InferenceAPI]:
    """The APIs of a service, sorted by the names of their functions.

    Args:
        service: the new instance.
        base: the class whose members no API function may hide.

    Raises:
        InvalidArgument: two of them have one name or route, or a function hides a member of `base`.
        BentoMLConfigException: an input adapter does not support what its API asks of it.
    """
    apis: list[InferenceAPI] = []
    for attribute, declared in declared_apis(type(service)):
        declared.check_mode(service.name)
        if hasattr(base, attribute):
            raise InvalidArgument(f"API function '{attribute}' hides {base.__name__}.{attribute}; rename the function")
        for other in apis:
            if declared.name == other.name or declared.route == other.route:
                raise InvalidArgument(f"Two APIs of '{service.name}' are called '{declared.name}' or share one route")
        apis.append(
            InferenceAPI(
                service,
                declared.name,
                declared.doc,
                input_adapter=declared.input_adapter,
                user_func=getattr(service, attribute),
                output_adapter=declared.output_adapter,
                mb_max_latency=declared.mb_max_latency,
                mb_max_batch_size=declared.mb_max_batch_size,
                batch=declared.batch,
                route=declared.route,
                idempotent=declared.idempotent,
                argument_names=declared.argument_names,
            )
        )
    return apis


def make_env(service: BentoService) -> BentoServiceEnv:
    """The environment of a service: what its class declares, and what its adapters and artifacts need."""
    # A copy, so that what one instance adds stays its own.
    declared = type(service)._env
    env = declared.copy() if declared is not None else BentoServiceEnv()
    for api in service.inference_apis:
        for adapter in (api.input_adapter, api.output_adapter):
            with env.asked_for_by(Reason(ADAPTER, api.name, type(adapter).__name__)):
                env.add_pip_packages(adapter.pip_dependencies)
    ask_artifacts(service, env)
    if service._bento_service_bundle_path is not None:
        env.use_files_of_bundle(service._bento_service_bundle_path)
    return env


def ask_artifacts(service: BentoService, env: BentoServiceEnv) -> None:
    """Let each artifact of a service add what it needs to an environment."""
    for artifact in service.artifacts.values():
        with env.asked_for_by(Reason(ARTIFACT, artifact.name, type(artifact).__name__)):
            artifact.set_dependencies(env)

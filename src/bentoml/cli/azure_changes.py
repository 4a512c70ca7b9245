"""`deploy` and `update` of `bentoml azure-functions` and `azure-container-apps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.cli.azure import CONTAINER_APPS, FUNCTIONS
from bentoml.cli.azure_options import container_apps_options, functions_options, image_options, location_option
from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import together

if TYPE_CHECKING:
    from bentoml.cli.deployment_commands import Platform
    from bentoml.cli.deployment_options import Decorator


def _changes(platform: Platform, options: Decorator) -> Changes:
    first, later = (together(location_option(required=required), options, image_options) for required in (True, False))
    return Changes(platform, first, later)


_FUNCTIONS = _changes(FUNCTIONS, functions_options)
_CONTAINER_APPS = _changes(CONTAINER_APPS, container_apps_options)
functions_deploy_command = _FUNCTIONS.deploy_command()
functions_update_command = _FUNCTIONS.update_command()
container_apps_deploy_command = _CONTAINER_APPS.deploy_command()
container_apps_update_command = _CONTAINER_APPS.update_command()

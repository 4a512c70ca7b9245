"""`bentoml kubernetes deploy` and `update`."""

from __future__ import annotations

from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import together
from bentoml.cli.deployment_wishes import refuse_image_of_other
from bentoml.cli.kubernetes import PLATFORM
from bentoml.cli.kubernetes_options import build_options, kubernetes_settings, platform_options

_CHANGES = Changes(
    PLATFORM, together(platform_options, build_options), read=kubernetes_settings, see=refuse_image_of_other
)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()

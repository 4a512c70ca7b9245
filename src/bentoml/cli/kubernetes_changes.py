"""`bentoml kubernetes deploy` and `update`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.cli.deployment_changes import Changes
from bentoml.cli.deployment_options import together
from bentoml.cli.kubernetes import PLATFORM
from bentoml.cli.kubernetes_options import build_options, kubernetes_settings, platform_options
from bentoml.exceptions import CLIException

if TYPE_CHECKING:
    from bentoml.yatai.deployment_models import Deployment, NewDeployment


def _refuse_image_of_other(found: Deployment, wanted: NewDeployment) -> None:
    """Refuse the image of the bundle of before, when its name has a tag or a digest and so cannot mean another one.

    Raises:
        CLIException: another bundle shall run, and the image stays.
    """
    image, before, now = str(wanted.spec.operator_config["image"]), found.spec.bento_tag, wanted.spec.bento_tag
    is_fixed = "@" in image or ":" in image.rpartition("/")[2]
    if is_fixed and now != before and image == found.spec.operator_config.get("image"):
        raise CLIException(f"{image} is the image of {before}: give --image for that of {now}")


_CHANGES = Changes(
    PLATFORM, together(platform_options, build_options), read=kubernetes_settings, see=_refuse_image_of_other
)
deploy_command = _CHANGES.deploy_command()
update_command = _CHANGES.update_command()

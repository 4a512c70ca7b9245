"""The options that all platforms of AWS share."""

from __future__ import annotations

from bentoml.cli.option_kinds import pairs, text

region_option = text("region", "NAME", "Region of AWS.  [AWS_REGION, or that of the profile]")
image_option = text("image", "ADDRESS", "Image in ECR to use, instead of building one.")
env_option = pairs("env", "NAME=VALUE", "Variable of the server, which everybody can see who sees the deployment")

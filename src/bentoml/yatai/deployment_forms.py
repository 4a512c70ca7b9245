"""How deployments are written: the names of settings on each platform, in Python and in JSON.

Settings of the platforms below have names of their own in JSON (`memorySize` for `memory_size`); all others are called
as they are given.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bentoml._util.json_forms import camel_case

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_SETTINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CUSTOM": ("name", "config"),
        "AWS_SAGEMAKER": (
            "region",
            "instance_type",
            "instance_count",
            "api_name",
            "num_of_gunicorn_workers_per_instance",
            "timeout",
            "data_capture_s3_prefix",
            "data_capture_sample_percent",
        ),
        "AWS_LAMBDA": ("region", "api_name", "memory_size", "timeout"),
        "AZURE_FUNCTIONS": ("location", "premium_plan_sku", "min_instances", "max_burst", "function_auth_level"),
        "AWS_EC2": (
            "region",
            "instance_type",
            "ami_id",
            "autoscale_min_size",
            "autoscale_desired_capacity",
            "autoscale_max_size",
        ),
    }
)
"""Names of settings by the name of an operator, in the order in which they are shown."""


def config_name(operator: str) -> str:
    """The attribute that holds the settings of an operator: `aws_lambda_operator_config`."""
    return f"{'sagemaker' if operator == 'AWS_SAGEMAKER' else operator.lower()}_operator_config"


def config_key(operator: str) -> str:
    """The same in JSON: `awsLambdaOperatorConfig`."""
    return camel_case(config_name(operator))


def written_config(operator: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are written in JSON."""
    names = {name: camel_case(name) for name in KNOWN_SETTINGS.get(operator, ())}
    return {names.get(key, key): value for key, value in config.items()}


def read_config(operator: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are called in Python, of a document that calls them one way or the other."""
    names = {camel_case(name): name for name in KNOWN_SETTINGS.get(operator, ())}
    return {names.get(key, key): value for key, value in config.items()}


def info_text(info: Mapping[str, Any]) -> str:
    """What a platform says, as a text of JSON."""
    return json.dumps(info, ensure_ascii=False)

"""What a user asks of a deployment on AWS Lambda, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.ecr_address import check_image_of_ecr
from bentoml.deploy.plans import check_choice, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDPOINTS = ("http-api", "function-url", "none")
ARCHITECTURES = ("x86_64", "arm64")
GATEWAY_LIMIT_S = 30
_OWN_VARIABLES = ("BENTOML_LAMBDA_API", "AWS_*", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT")
_is_variable_of_lambda = re.compile(r"[A-Za-z][A-Za-z0-9_]+").fullmatch


@dataclass(frozen=True)
class LambdaOptions:
    """How a deployment runs on AWS Lambda.

    Args:
        region: of AWS.
        account: number of the account; None for that of the credentials.
        api_name: the one API that gets a function; None for all.
        memory_size: of a function, MB; processors come with it.
        timeout: longest time for a request, seconds.
        endpoint: `http-api`, `function-url` or `none`.
        architecture: `x86_64` or `arm64`.
        image: one that is in ECR, to use instead of building one.
        env: variables of the functions.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    region: str
    account: str | None = None
    api_name: str | None = None
    memory_size: int = 1024
    timeout: int = 3
    endpoint: str = "http-api"
    architecture: str = "x86_64"
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 128 <= self.memory_size <= 3008 or self.memory_size % 64 != 0:
            raise InvalidArgument(f"memory_size must be 128 to 3008 MB in steps of 64, not {self.memory_size}")
        check_number("timeout", self.timeout, 1, 900)
        check_choice("endpoint", self.endpoint, ENDPOINTS)
        check_choice("architecture", self.architecture, ARCHITECTURES)
        check_image_of_ecr(self.image, self.region, "Lambda")
        check_variables(self.env, _OWN_VARIABLES)
        for name in self.env:
            if not _is_variable_of_lambda(name):
                raise InvalidArgument(
                    f"{name!r} cannot be a variable of a function of Lambda: two signs, a letter first"
                )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LambdaOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "AWS Lambda"))

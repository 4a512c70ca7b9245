"""What a user asks of a deployment on AWS SageMaker, checked before anything is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml.deploy.aws.ecr_address import check_image_of_ecr
from bentoml.deploy.plans import MOST_WORKERS, check_number, check_variables, read_settings
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_LIMIT_S = 60
API_VARIABLE, TIMEOUT_VARIABLE = "API_NAME", "BENTOML_GUNICORN_TIMEOUT"
WORKERS_VARIABLE = "BENTOML_GUNICORN_NUM_OF_WORKERS"
_OWN_VARIABLES = (
    API_VARIABLE,
    TIMEOUT_VARIABLE,
    WORKERS_VARIABLE,
    "AWS_*",
    "SAGEMAKER_*",
    "BENTOML__BENTO_SERVER__SAGEMAKER__*",
)
_MOST_INSTANCES = 1000
_LONGEST_TIMEOUT_S = 3600
_LONGEST_PREFIX = 512
_LONGEST_VALUE = 1024
_MOST_VARIABLES = 100
_is_instance_type = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+").fullmatch
# The generation of a family and a `g` behind it: processors of AWS itself; those of NVIDIA are named after its chips.
_is_arm = re.compile(r"ml\.([a-z]+\d+g[a-z]*|[a-z0-9]+-gb\d+)\..+").fullmatch
_is_role = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+").fullmatch
# `*`, `?` and `$` mean something in the policy that lets SageMaker write there.
_is_prefix = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s*?$]*)?").fullmatch


@dataclass(frozen=True)
class SageMakerOptions:
    """How a deployment runs on AWS SageMaker.

    Args:
        region: of AWS.
        account: number of the account; None for that of the credentials.
        api_name: the API that answers; None for the only one.
        instance_type: such as `ml.m4.xlarge`.
        instance_count: how many to begin with.
        num_of_gunicorn_workers_per_instance: workers of each server; None for what its configuration says.
        timeout: of requests that are not batched, seconds.
        startup_timeout: longest time until a new container answers, seconds; None for what SageMaker gives it.
        role: ARN of the role that SageMaker takes on; None for one of its own.
        autoscale_min_size: fewest instances; None, with the next, for a fixed number.
        autoscale_max_size: most instances.
        autoscale_invocations: requests per instance and minute that scaling aims at.
        data_capture_s3_prefix: where requests and answers are kept, `s3://BUCKET/PREFIX`; None keeps none.
        data_capture_sample_percent: how many of them.
        image: one that is in ECR, to use instead of building one.
        env: variables of the containers.

    Raises:
        InvalidArgument: one of them cannot be.
    """

    region: str
    account: str | None = None
    api_name: str | None = None
    instance_type: str = "ml.m4.xlarge"
    instance_count: int = 1
    num_of_gunicorn_workers_per_instance: int | None = None
    timeout: int = 60
    startup_timeout: int | None = None
    role: str | None = None
    autoscale_min_size: int | None = None
    autoscale_max_size: int | None = None
    autoscale_invocations: int = 1000
    data_capture_s3_prefix: str | None = None
    data_capture_sample_percent: int = 100
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _is_instance_type(self.instance_type):
            raise InvalidArgument(f"instance_type cannot be {self.instance_type!r}: write it as ml.m4.xlarge")
        check_number("instance_count", self.instance_count, 1, _MOST_INSTANCES)
        workers = self.num_of_gunicorn_workers_per_instance
        check_number("num_of_gunicorn_workers_per_instance", workers, 1, MOST_WORKERS)
        check_number("timeout", self.timeout, 1, _LONGEST_TIMEOUT_S)
        check_number("startup_timeout", self.startup_timeout, 60, 3600)
        check_number("data_capture_sample_percent", self.data_capture_sample_percent, 1, 100)
        self._check_scaling()
        if self.role is not None and not _is_role(self.role):
            raise InvalidArgument(f"role cannot be {self.role!r}: write it as arn:aws:iam::123456789012:role/NAME")
        prefix = self.data_capture_s3_prefix
        if prefix is not None and (not _is_prefix(prefix) or len(prefix) > _LONGEST_PREFIX):
            raise InvalidArgument(f"data_capture_s3_prefix cannot be {prefix!r}: write it as s3://BUCKET/PREFIX")
        check_image_of_ecr(self.image, self.region, "SageMaker")
        self._check_env()

    def _check_scaling(self) -> None:
        least, most = self.autoscale_min_size, self.autoscale_max_size
        if least is None and most is None:
            return
        if least is None or most is None:
            raise InvalidArgument("autoscale_min_size and autoscale_max_size go together; give both")
        check_number("autoscale_min_size", least, 1, _MOST_INSTANCES)
        check_number("autoscale_max_size", most, least, _MOST_INSTANCES)
        check_number("instance_count", self.instance_count, least, most)
        check_number("autoscale_invocations", self.autoscale_invocations, 1, 10**9)

    def _check_env(self) -> None:
        check_variables(self.env, _OWN_VARIABLES)
        check_number("the number of variables", len(self.variables("")), 0, _MOST_VARIABLES)
        for name, value in self.env.items():
            if len(name) > _LONGEST_VALUE or len(value) > _LONGEST_VALUE:
                raise InvalidArgument(
                    f"the variable {name[:80]} is longer than the {_LONGEST_VALUE} signs of SageMaker"
                )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SageMakerOptions:
        """The options out of the settings of a record.

        Raises:
            InvalidArgument: one is unknown, missing, or cannot be.
        """
        return cls(**read_settings(cls, config, "AWS SageMaker"))

    @property
    def platform(self) -> str:
        """Of the image that the instances can run."""
        return "linux/arm64" if _is_arm(self.instance_type) else "linux/amd64"

    def variables(self, api_name: str) -> dict[str, str]:
        """All variables of a container, of which one names the API that answers."""
        own = {API_VARIABLE: api_name, TIMEOUT_VARIABLE: str(self.timeout)}
        if self.num_of_gunicorn_workers_per_instance is not None:
            own[WORKERS_VARIABLE] = str(self.num_of_gunicorn_workers_per_instance)
        return {**self.env, **own}

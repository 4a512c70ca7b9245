"""Where things are on AWS, and the calls that reach them there."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import is_installed, require
from bentoml.exceptions import InvalidArgument, YataiDeploymentException
from bentoml.yatai.deployment_models import DeploymentResource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTRA = "'bentoml[aws]'"
OWNER = "bentoml:deployment"
"""Tag with the full name of the deployment that has made something."""
_is_region = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d").fullmatch
_is_account = re.compile(r"\d{12}").fullmatch


@dataclass(frozen=True)
class Place:
    """A region of an account.

    Attributes:
        region: such as `eu-west-1`.
        account: 12 digits; None for that of the credentials, whichever they are.

    Raises:
        InvalidArgument: there can be no such region or account.
    """

    region: str
    account: str | None = None

    def __post_init__(self) -> None:
        if not _is_region(self.region):
            raise InvalidArgument(f"region cannot be {self.region!r}: write it as eu-west-1")
        if self.account is not None and not _is_account(self.account):
            raise InvalidArgument(f"account cannot be {self.account!r}: the number of an account has 12 digits")

    def client(self, service: str) -> Any:
        """What calls a service, after a look whether the credentials are of the account.

        Raises:
            YataiDeploymentException: they are not, or there are none.
            MissingDependencyException: boto3 is not installed.
        """
        if self.account is not None:
            found = account_of_credentials(self.region)
            if found != self.account:
                raise YataiDeploymentException(
                    f"the deployment is in the account {self.account} of AWS, and the credentials are of {found}; set "
                    "AWS_PROFILE, or the keys, to those of the first"
                )
        return _client(service, self.region)

    def resource(self, kind: str, name: str, owner: str) -> DeploymentResource:
        """Something here as the record of a deployment, its owner, has it."""
        path = f"{self.region}/{name}"
        return DeploymentResource(
            kind,
            path if self.account is None else f"{self.account}:{path}",
            {"name": name, "region": self.region, "account": self.account, "owner": owner},
        )

    @classmethod
    def of(cls, resource: DeploymentResource) -> Place:
        """Where something is that is recorded."""
        return cls(resource.detail["region"], resource.detail.get("account"))


def _client(service: str, region: str) -> Any:
    config = require("botocore.config", EXTRA).Config(
        connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 3}
    )
    with aws_errors():
        return require("boto3", EXTRA).Session(region_name=region).client(service, config=config)


def account_of_credentials(region: str) -> str:
    """The number of the account.

    Raises:
        YataiDeploymentException: there are no credentials, or AWS does not answer.
    """
    with aws_errors():
        return str(_client("sts", region).get_caller_identity()["Account"])


def with_region(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the region: the one that is given, recorded, or set up on this machine; nobody is asked.

    Raises:
        InvalidArgument: there is none of these.
    """
    region = settings.get("region") or before.get("region") or _region_here()
    if not region:
        raise InvalidArgument("say in which region of AWS it shall run: --region, AWS_REGION, or aws configure")
    return {**settings, "region": region}


def with_place(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that name region and account: the credentials may be those of another account tomorrow.

    Args:
        settings: those that are wanted.
        before: those of the record; empty for a new deployment.

    Raises:
        InvalidArgument: no region is known.
        YataiDeploymentException: there are no credentials, or AWS does not answer.
    """
    placed = with_region(settings, before)
    account = settings.get("account") or before.get("account") or account_of_credentials(placed["region"])
    return {**placed, "account": account}


def _region_here() -> str | None:
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if found or not is_installed("boto3"):
        return found
    with aws_errors():
        region: str | None = require("boto3").Session().region_name
    return region


@contextmanager
def aws_errors() -> Iterator[None]:
    """Errors of AWS, and of what is set up for it, as ours.

    Raises:
        YataiDeploymentException: instead of them.
    """
    errors, parsing = require("botocore.exceptions", EXTRA), require("botocore.parsers", EXTRA)
    try:
        yield
    except errors.NoCredentialsError as error:
        raise YataiDeploymentException(
            "there are no credentials for AWS; run: aws configure, or set AWS_PROFILE"
        ) from error
    except (errors.BotoCoreError, errors.ClientError, parsing.ResponseParserError) as error:
        raise YataiDeploymentException(f"AWS: {error}") from error


def code_of(error: Any) -> str:
    """What AWS calls an error of a call."""
    return str(error.response["Error"]["Code"])


def owner_tag(tags: list[dict[str, str]]) -> str | None:
    """The full name of the deployment that has made something, as its tags say; None for none."""
    return next((tag["Value"] for tag in tags if tag["Key"] == OWNER), None)


def refuse_other(what: str, tags: list[dict[str, str]], owner: str) -> None:
    """Refuse to change what this deployment has not made.

    Args:
        what: is there.
        tags: of it, each with `Key` and `Value`.
        owner: full name of this deployment.

    Raises:
        YataiDeploymentException: somebody else has made it.
    """
    found = owner_tag(tags)
    if found != owner:
        raise YataiDeploymentException(
            f"there is {what} already, which "
            f"{'bentoml has not made' if found is None else f'belongs to the deployment {found}'}; choose another name"
        )

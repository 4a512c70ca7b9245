"""The error tree and the statuses it carries."""

from __future__ import annotations

import pytest

from bentoml import exceptions
from bentoml.exceptions import BentoMLException, StatusCode


@pytest.mark.parametrize(
    ("name", "parent", "http", "code"),
    [
        ("Unauthenticated", "BentoMLException", 401, "UNAUTHENTICATED"),
        ("InvalidArgument", "BentoMLException", 400, "INVALID_ARGUMENT"),
        ("BadInput", "InvalidArgument", 400, "INVALID_ARGUMENT"),
        ("APIDeprecated", "BentoMLException", 400, "INVALID_ARGUMENT"),
        ("NotFound", "BentoMLException", 404, "NOT_FOUND"),
        ("FailedPrecondition", "BentoMLException", 500, "FAILED_PRECONDITION"),
        ("LockUnavailable", "BentoMLException", 500, "FAILED_PRECONDITION"),
        ("ArtifactLoadingException", "BentoMLException", 500, "INTERNAL"),
        ("BundleIntegrityException", "BentoMLException", 500, "DATA_LOSS"),
        ("BentoMLConfigException", "BentoMLException", 500, "INTERNAL"),
        ("MissingDependencyException", "BentoMLException", 500, "INTERNAL"),
        ("BentoMLRpcError", "BentoMLException", 500, "INTERNAL"),
        ("CLIException", "BentoMLException", 500, "INTERNAL"),
        ("YataiServiceException", "BentoMLException", 500, "INTERNAL"),
        ("YataiServiceRpcAborted", "YataiServiceException", 500, "ABORTED"),
        ("YataiRepositoryException", "YataiServiceException", 500, "INTERNAL"),
        ("YataiLabelException", "YataiServiceException", 500, "INTERNAL"),
        ("YataiDeploymentException", "YataiServiceException", 500, "INTERNAL"),
        ("AWSServiceError", "YataiDeploymentException", 500, "INTERNAL"),
        ("AzureServiceError", "YataiDeploymentException", 500, "INTERNAL"),
    ],
)
def test_error_carries_parent_http_status_and_code(name: str, parent: str, http: int, code: str) -> None:
    error = getattr(exceptions, name)("what happened")
    assert type(error).__bases__ == (getattr(exceptions, parent),)
    assert error.status_code == http
    assert error.proto_status_code is StatusCode[code]
    assert error.status_proto == exceptions.Status(StatusCode[code], "what happened")


def test_remote_exception_keeps_the_payload() -> None:
    error = exceptions.RemoteException("refused", payload={"a": 1})
    assert error.payload == {"a": 1}
    assert isinstance(error, BentoMLException)


@pytest.mark.parametrize(
    ("code", "http"),
    [
        (StatusCode.DEADLINE_EXCEEDED, 408),
        (StatusCode.PERMISSION_DENIED, 401),
        (StatusCode.INVALID_ARGUMENT, 400),
        (StatusCode.NOT_FOUND, 404),
        (StatusCode.UNAVAILABLE, 500),
    ],
    ids=lambda value: value.name if isinstance(value, StatusCode) else str(value),
)
def test_http_status_of_a_users_own_error_follows_its_code(code: StatusCode, http: int) -> None:
    own = type("Own", (BentoMLException,), {"proto_status_code": code})
    assert own("what happened").status_code == http

"""The error tree. Each class says whose fault it is by the HTTP status it carries.

```
BentoMLException                  500
  Unauthenticated                 401
  InvalidArgument                 400
    BadInput                      400
  APIDeprecated                   400
  NotFound                        404
  FailedPrecondition              500
  LockUnavailable                 500
  ArtifactLoadingException        500
  BundleIntegrityException        500
  BentoMLConfigException          500
  MissingDependencyException      500
  RemoteException                 500
  BentoMLRpcError                 500
  CLIException                    500
  YataiServiceException           500
    YataiServiceRpcAborted        500
    YataiRepositoryException      500
    YataiLabelException           500
    YataiDeploymentException      500
      AWSServiceError
      AzureServiceError
```
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus
from typing import Any


class StatusCode(IntEnum):
    """Result codes of registry operations, numbered as in gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_HTTP_STATUS_OF = {
    StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    StatusCode.PERMISSION_DENIED: HTTPStatus.UNAUTHORIZED,
    StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    StatusCode.DEADLINE_EXCEEDED: HTTPStatus.REQUEST_TIMEOUT,
}


@dataclass(frozen=True)
class Status:
    """Outcome of a registry operation: a code and, unless it is OK, what went wrong."""

    status_code: StatusCode = StatusCode.OK
    error_message: str = ""


class BentoMLException(Exception):  # noqa: N818 - the classic name; existing code catches it
    """Base of every error this library raises on purpose.

    Attributes:
        proto_status_code: the result code of a registry operation that met it; subclasses set it.
    """

    proto_status_code: StatusCode = StatusCode.INTERNAL

    @property
    def status_code(self) -> int:
        """The HTTP status that answers a request which met this error; it follows from the code."""
        return int(_HTTP_STATUS_OF.get(self.proto_status_code, HTTPStatus.INTERNAL_SERVER_ERROR))

    @property
    def status_proto(self) -> Status:
        """The code together with the text of this error."""
        return Status(self.proto_status_code, str(self))


class RemoteException(BentoMLException):
    """A process on the other side of a connection failed; `payload` is what it sent."""

    def __init__(self, *args: object, payload: Any = None) -> None:
        super().__init__(*args)
        self.payload = payload


class Unauthenticated(BentoMLException):
    """The caller gave no credentials, or wrong ones."""

    proto_status_code = StatusCode.UNAUTHENTICATED


class InvalidArgument(BentoMLException):
    """A value given by the caller is not one that can be used."""

    proto_status_code = StatusCode.INVALID_ARGUMENT


class BadInput(InvalidArgument):
    """The body of a request cannot be read."""


class APIDeprecated(BentoMLException):
    """A name or argument that no longer does anything."""

    proto_status_code = StatusCode.INVALID_ARGUMENT


class NotFound(BentoMLException):
    """What was named does not exist."""

    proto_status_code = StatusCode.NOT_FOUND


class FailedPrecondition(BentoMLException):
    """The call came too early, such as `save` before `pack`."""

    proto_status_code = StatusCode.FAILED_PRECONDITION


class LockUnavailable(BentoMLException):
    """Another process holds the lock."""

    proto_status_code = StatusCode.FAILED_PRECONDITION


class ArtifactLoadingException(BentoMLException):
    """An artifact's files are there but cannot be read."""


class BundleIntegrityException(BentoMLException):
    """A file of a saved bundle is not the one that was saved."""

    proto_status_code = StatusCode.DATA_LOSS


class BundleSignatureException(BentoMLException):
    """Nobody who is trusted has signed a saved bundle."""

    proto_status_code = StatusCode.PERMISSION_DENIED


class BentoMLConfigException(BentoMLException):
    """The configuration, or a service definition, contradicts itself."""


class MissingDependencyException(BentoMLException):
    """A library that an optional feature needs is not installed."""


class BentoMLRpcError(BentoMLException):
    """A remote registry could not be reached or answered nonsense."""


class CLIException(BentoMLException):
    """A command cannot do what it was asked."""


class YataiServiceException(BentoMLException):
    """Base of the registry's own errors."""


class YataiServiceRpcAborted(YataiServiceException):
    """The operation contradicts the state of the registry, such as a tag that is taken."""

    proto_status_code = StatusCode.ABORTED


class YataiRepositoryException(YataiServiceException):
    """The files of a bundle cannot be stored or found."""


class YataiLabelException(YataiServiceException):
    """Labels could not be stored or queried."""


class YataiDeploymentException(YataiServiceException):
    """A deployment could not be made, changed or removed."""


class AWSServiceError(YataiDeploymentException):
    """AWS refused or failed."""


class AzureServiceError(YataiDeploymentException):
    """Azure refused or failed."""

"""What the operations of the classic service on bundles share: each answer has a `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from bentoml.types import Tag
from bentoml.yatai.server import messages
from bentoml.yatai.server.errors import classic_status
from bentoml.yatai.server.messages import LabelText, Name, Taken
from bentoml.yatai.server.routes import About, Query, Route

if TYPE_CHECKING:
    from bentoml.yatai.server.call import Call
    from bentoml.yatai.server.roles import Role


class ClassicUploadStatus(Struct):
    """How an upload goes, as its client tells; the rest of the classic message is not looked at."""

    status: Literal["UNINITIALIZED", "UPLOADING", "DONE", "ERROR", "TIMEOUT"]
    error_message: str = ""


class ClassicMetadata(Struct):
    """What a client says of a bundle; all but the labels is what the manifest of the bundle says."""

    labels: dict[LabelText, LabelText] | None = None


class ClassicUpdate(Taken):
    """What is to change of a bundle; what is not sent stays."""

    bento_name: Name
    bento_version: Name
    upload_status: ClassicUploadStatus | None = None
    service_metadata: ClassicMetadata | None = None


class ClassicImage(Struct):
    """Which bundle an image is to be made of; how is not looked at."""

    bento_name: Name
    bento_version: Name


TAG = (
    Query("bento_name", "Name of the service.", most=255, is_required=True),
    Query("bento_version", "Version of the bundle; `latest` for the newest one.", most=255, is_required=True),
)


def answer(**values: Any) -> messages.ClassicAnswer:
    """An answer that all went well."""
    return messages.ClassicAnswer(messages.ClassicStatus(**classic_status()), **values)


def tag_of(call: Call, role: Role) -> Tag:
    """The tag behind the `?`, when the caller may do what takes a role with it."""
    tag = Tag(call.query["bento_name"], call.query["bento_version"])
    call.principal.require(role, tag.name)
    return tag


def classic_route(
    method: str, name: str, summary: str, handler: Any, role: Role | None, about: About = About.HANDLER, **more: Any
) -> Route:
    """The route of an operation."""
    more.setdefault("answer", messages.ClassicAnswer)
    return Route(method, f"/api/{name}", name, summary, handler, role, about, is_classic=True, **more)

"""Bundles between this machine and a registry that a team shares: the part of `BentoRepository` about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument, YataiServiceRpcAborted
from bentoml.yatai.arguments import as_tag
from bentoml.yatai.transfer import copy_bundle_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.types import Tag
    from bentoml.yatai.models import Bento
    from bentoml.yatai.registry import Registry
    from bentoml.yatai.transfer import Transfer

    OnBegin = Callable[[Bento, int], None]

logger = logging.getLogger(__name__)


class BundleTransfer:
    """Sends bundles of this machine to a remote registry, and receives its bundles."""

    _registry: Registry
    _open_local: Callable[[], Registry]
    url: str | None

    def push(self, bento: str | Tag, with_labels: bool = True) -> str:
        """Copy a bundle of this machine to this registry; see `send`.

        Returns:
            Where the files are, as the registry says.
        """
        sent = self.send(bento, with_labels)
        logger.info("Pushed %s to %s", sent.bento.tag, self.url)
        return sent.bento.uri.uri

    def pull(self, bento: str | Tag) -> str:
        """Copy a bundle of this registry to this machine, with its labels; see `receive`.

        Returns:
            The directory of the files.
        """
        received = self.receive(bento)
        logger.info("Pulled %s from %s", received.bento.tag, self.url)
        return received.bento.uri.uri

    def send(self, bento: str | Tag, with_labels: bool = True, on_begin: OnBegin | None = None) -> Transfer:
        """Copy a bundle of this machine to this registry. What the registry has already is not sent again.

        Args:
            bento: `name:version`, or `name:latest` or `name@alias` as this machine knows them.
            with_labels: whether it gets the labels that it has here.
            on_begin: called with the bundle and how many bytes are sent, at most, before that begins.

        Raises:
            InvalidArgument: the version is missing, or this client has no remote registry.
            NotFound: there is no such bundle on this machine.
            YataiServiceRpcAborted: the registry has another bundle of this tag.
            BentoMLException: the registry cannot be reached or refuses; the same call goes on later.
        """
        tag, url = as_tag(bento), self._remote_url("push to")
        try:
            return copy_bundle_between(
                self._open_local(), self._registry, tag, with_labels=with_labels, on_begin=on_begin
            )
        except YataiServiceRpcAborted as error:
            raise YataiServiceRpcAborted(f"{url}: {error}") from error

    def receive(self, bento: str | Tag, on_begin: OnBegin | None = None) -> Transfer:
        """Copy a bundle of this registry to this machine, with its labels. What is here already is not loaded again.

        Args:
            bento: `name:version`, or `name:latest` or `name@alias` as the registry knows them.
            on_begin: called with the bundle and how many bytes are received, at most, before that begins.

        Raises:
            InvalidArgument: the version is missing, or this client has no remote registry.
            NotFound: the registry has no such bundle.
            YataiServiceRpcAborted: this machine has another bundle of this tag.
            BentoMLException: the registry cannot be reached or refuses; the same call goes on later.
        """
        tag = as_tag(bento)
        self._remote_url("pull from")
        return copy_bundle_between(self._registry, self._open_local(), tag, on_begin=on_begin)

    def _remote_url(self, what_for: str) -> str:
        if self.url is None:
            raise InvalidArgument(
                f"There is no registry to {what_for}. Name one with --yatai-url URL, in Python with "
                "get_yatai_client(URL), or for good with: bentoml config set yatai.remote.url=URL"
            )
        return self.url

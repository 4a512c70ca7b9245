"""Bundles between this machine and a registry that a team shares: the part of `BentoRepository` about it."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml.exceptions import (
    BentoMLException,
    InvalidArgument,
    NotFound,
    YataiServiceException,
    YataiServiceRpcAborted,
)
from bentoml.types import Tag
from bentoml.yatai.arguments import as_tag
from bentoml.yatai.registry import not_registered
from bentoml.yatai.transfer import copy_bundle_between
from bentoml.yatai.trees import copy_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bentoml.yatai.registry import Registry
    from bentoml.yatai.transfer import Transfer

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

    def send(self, bento: str | Tag, with_labels: bool = True) -> Transfer:
        """Copy a bundle of this machine to this registry. What the registry has already is not sent again.

        Args:
            bento: `name:version`, or `name:latest` or `name@alias` as this machine knows them.
            with_labels: whether it gets the labels that it has here.

        Raises:
            InvalidArgument: the version is missing, or this client has no remote registry.
            NotFound: there is no such bundle on this machine.
            YataiServiceRpcAborted: the registry has another bundle of this tag.
            BentoMLException: the registry cannot be reached or refuses; the same call goes on later.
        """
        tag, url = as_tag(bento), self._remote_url("push to")
        local = self._open_local()
        found = _found(local, tag, "on this machine")
        try:
            return copy_bundle_between(local, self._registry, found, with_labels=with_labels)
        except YataiServiceRpcAborted as error:
            raise YataiServiceRpcAborted(f"{url}: {error}") from error

    def receive(self, bento: str | Tag) -> Transfer:
        """Copy a bundle of this registry to this machine, with its labels. What is here already is not loaded again.

        Args:
            bento: `name:version`, or `name:latest` or `name@alias` as the registry knows them.

        Raises:
            InvalidArgument: the version is missing, or this client has no remote registry.
            NotFound: the registry has no such bundle.
            YataiServiceRpcAborted: this machine has another bundle of this tag.
            BentoMLException: the registry cannot be reached or refuses; the same call goes on later.
        """
        tag, url = as_tag(bento), self._remote_url("pull from")
        found = _found(self._registry, tag, f"at {url}")
        try:
            return copy_bundle_between(self._registry, self._open_local(), found)
        except YataiServiceRpcAborted as error:
            raise YataiServiceRpcAborted(f"This machine: {error}") from error

    @contextmanager
    def _kept_when_not_sent(self, staged: Path, labels: Mapping[str, str] | None) -> Iterator[None]:
        """Save a bundle on this machine when it cannot be sent: a model may have taken days to train.

        Raises:
            YataiServiceException: it could not be sent, and is on this machine; or as the block, for the registry of
                this machine, and when the tag is taken.
        """
        try:
            yield
        except YataiServiceRpcAborted:
            raise
        except (BentoMLException, KeyboardInterrupt) as error:
            if self.url is None:
                raise
            told = self._keep(staged, labels, str(error) or "it was interrupted")
            if isinstance(error, KeyboardInterrupt):
                logger.warning("%s", told)
                raise
            raise YataiServiceException(told) from error

    def _keep(self, staged: Path, labels: Mapping[str, str] | None, why: str) -> str:
        """Save a bundle on this machine; what has become of it, and how to go on."""
        from bentoml.saved_bundle import load_bento_service_metadata

        metadata = load_bento_service_metadata(staged)
        if labels is not None:
            metadata = dataclasses.replace(metadata, labels=dict(labels))
        tag = f"{metadata.name}:{metadata.version}"
        local = self._open_local()
        try:
            with local.staging() as here:
                copy_tree(staged, here)
                local.register(here, metadata)
        except (BentoMLException, OSError) as error:
            kept = Path(tempfile.mkdtemp(prefix=f"{metadata.name}-unsent-"))
            copy_tree(staged, kept)
            return (
                f"{tag} could not be sent to {self.url}: {why}. It could not be saved on this machine either: {error}. "
                f"Its files are in {kept}; register them with repository.upload_from_dir({str(kept)!r})"
            )
        return (
            f"{tag} could not be sent to {self.url}: {why}. It is saved on this machine instead; send it with: "
            f"bentoml push {tag} --yatai-url {self.url}"
        )

    def _remote_url(self, what_for: str) -> str:
        if self.url is None:
            raise InvalidArgument(
                f"There is no registry to {what_for}. Name one with --yatai-url URL, in Python with "
                "get_yatai_client(URL), or for good with: bentoml config set yatai.remote.url=URL"
            )
        return self.url


def _found(registry: Registry, tag: Tag, where: str) -> Tag:
    """The tag of the one bundle that is meant."""
    try:
        found = registry.find(tag)
    except NotFound as error:
        raise not_registered(tag, f"no such bundle is registered {where}") from error
    return Tag(found.name, found.version)

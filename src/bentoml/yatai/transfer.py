"""Copies a bundle from one registry to another, through nothing but their common port.

What the target has already is not brought again: it makes those files out of its own contents. Everything else is
compared with its digest on the way, and the bundle becomes visible at the target in one step, as when it is saved.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bentoml.exceptions import BundleIntegrityException, NotFound, YataiServiceRpcAborted
from bentoml.types import Tag
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.registry import KeepsContents

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.yatai.models import Bento
    from bentoml.yatai.registry import Registry


@dataclass(frozen=True)
class Transfer:
    """What has become of a bundle that was to be copied.

    Attributes:
        bento: the bundle at the target.
        was_there: whether it was there before, with the same files.
        labels_differ: whether it was there with other labels than those that it should have got.
    """

    bento: Bento
    was_there: bool
    labels_differ: bool = False


def copy_bundle_between(
    source: Registry,
    target: Registry,
    tag: Tag,
    *,
    with_labels: bool = True,
) -> Transfer:
    """Copy a bundle. After a copy that broke off the same call goes on.

    Args:
        source: where the bundle is.
        target: where it shall be.
        tag: the bundle; the source knows which one `latest` and aliases mean.
        with_labels: whether it gets the labels that it has at the source. One that is there already keeps its own.

    Raises:
        NotFound: the source has no such bundle.
        YataiServiceRpcAborted: the target has another bundle of this tag.
        BundleIntegrityException: a file of the source is not the one that was registered.
        BentoMLException: one of the two cannot be reached, read or written.
    """
    found = source.find(tag)
    tree = source.tree(found)
    labels = dict(found.bento_service_metadata.labels) if with_labels else {}
    there = _same_bundle(target, found, tree)
    if there is not None:
        return _was_there(there, labels)
    kept = target.kept_contents(tree) if isinstance(target, KeepsContents) else frozenset()
    with target.staging() as staged:
        if kept and isinstance(target, KeepsContents):
            target.fill(_part(tree, kept, inside=True), staged)
        rest = _part(tree, kept, inside=False)
        source.place(found, rest, staged)
        return _register(target, staged, found, tree, labels)


def _part(tree: BundleTree, digests: frozenset[str], *, inside: bool) -> BundleTree:
    return BundleTree(tuple(entry for entry in tree if (entry.digest in digests) is inside))


def _register(target: Registry, staged: Path, found: Bento, tree: BundleTree, labels: dict[str, str]) -> Transfer:
    from bentoml.saved_bundle import load_bento_service_metadata

    metadata = load_bento_service_metadata(staged)
    if (metadata.name, metadata.version) != (found.name, found.version):
        raise BundleIntegrityException(f"{found.tag} holds the files of {metadata.name}:{metadata.version}")
    try:
        return Transfer(target.register(staged, dataclasses.replace(metadata, labels=labels)), was_there=False)
    except YataiServiceRpcAborted:
        # Somebody else has brought one of this tag meanwhile.
        there = _same_bundle(target, found, tree)
        if there is None:
            raise
        return _was_there(there, labels)


def _was_there(there: Bento, labels: dict[str, str]) -> Transfer:
    return Transfer(there, was_there=True, labels_differ=bool(labels) and there.bento_service_metadata.labels != labels)


def _same_bundle(target: Registry, found: Bento, tree: BundleTree) -> Bento | None:
    """The bundle at the target with the same tag and the same files.

    Raises:
        YataiServiceRpcAborted: it has other files.
    """
    tag = Tag(found.name, found.version)
    try:
        there = target.find(tag)
    except NotFound:
        return None
    if (there.tree_digest or target.tree(there).digest) != tree.digest:
        raise YataiServiceRpcAborted(
            f"{tag} is there already, with other files. Save the service under another version, or delete one of "
            "the two"
        )
    return there

"""From a bundle in a registry to a directory: what this machine lacks is loaded, and what broke off goes on."""

from __future__ import annotations

import logging
import re
import shutil
import stat
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, BundleIntegrityException, YataiRepositoryException
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.bundle_tree import BundleTree
from bentoml.yatai.remote.api import API_ROOT, joined
from bentoml.yatai.remote.failures import TransientError, nonsense
from bentoml.yatai.remote.progress import Meter
from bentoml.yatai.remote.side_by_side import do_all
from bentoml.yatai.remote.transport import Request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bentoml.types import Tag
    from bentoml.yatai.bundle_tree import TreeEntry
    from bentoml.yatai.registry import KeepsContents
    from bentoml.yatai.remote.api import Api
    from bentoml.yatai.remote.partial_contents import PartialContent, PartialContents
    from bentoml.yatai.remote.progress import Progress
    from bentoml.yatai.remote.settings import RemoteSettings
    from bentoml.yatai.remote.transport import Answer

logger = logging.getLogger(__name__)

_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_WRONG_AT_MOST = 2


class Downloads:
    """Loads the files of bundles.

    Args:
        api: of the registry.
        settings: how to speak to it.
        partials: where contents come in.
        held: has contents that need not be loaded; None for nobody.
        report: is told of the progress; None for nobody.
    """

    def __init__(
        self,
        api: Api,
        settings: RemoteSettings,
        partials: PartialContents,
        held: KeepsContents | None,
        report: Progress | None,
    ) -> None:
        self._api = api
        self._settings = settings
        self._partials = partials
        self._held = held
        self._report = report

    def fill(self, tag: Tag, tree: BundleTree, directory: Path) -> None:
        """Make files of a bundle in a directory; each is compared with its digest.

        Args:
            tag: of the bundle.
            tree: its files.
            directory: on the same disk as the contents that come in.

        Raises:
            NotFound: there is no such bundle any more.
            BundleIntegrityException: the registry sends something else.
            YataiRepositoryException: the disk cannot be written.
            BentoMLException: the registry refuses, or cannot be asked.
        """
        self._partials.sweep()
        for parent in sorted({(directory / entry.path).parent for entry in tree}):
            parent.mkdir(parents=True, exist_ok=True)
        wanted = self._without_held(tree, directory)
        entries: dict[str, list[TreeEntry]] = {}
        for entry in sorted(wanted, key=lambda entry: -entry.size_bytes):
            entries.setdefault(entry.digest, []).append(entry)
        meter = Meter(sum(same[0].size_bytes for same in entries.values()), self._report)
        meter.add(0)
        do_all(
            lambda same: self._place(tag, same, directory, meter), list(entries.values()), self._settings.at_once, meter
        )

    def _without_held(self, tree: BundleTree, directory: Path) -> Iterable[TreeEntry]:
        """Make the files whose contents are here, and give the others."""
        if self._held is None:
            return tree
        here: list[TreeEntry] = []
        try:
            kept = self._held.kept_contents(tree)
            here = [entry for entry in tree if entry.digest in kept]
            self._held.fill(BundleTree.of(here), directory)
            right = {entry for entry in here if file_digest(directory / entry.path) == entry.sha256}
        except (BentoMLException, OSError) as error:
            # They may be collected meanwhile; the registry has them all.
            logger.debug("Contents that are on this machine are loaded all the same: %s", error)
            right = set()
        for entry in here:
            if entry not in right:
                (directory / entry.path).unlink(missing_ok=True)
        return [entry for entry in tree if entry not in right]

    def _place(self, tag: Tag, same: list[TreeEntry], directory: Path, meter: Meter) -> None:
        """Load one content, and make the files that have it."""
        first = directory / same[0].path
        self._load(tag, same[0], first, meter)
        try:
            for entry in same[1:]:
                shutil.copyfile(first, directory / entry.path)
            for entry in same:
                if entry.executable:
                    path = directory / entry.path
                    path.chmod(stat.S_IMODE(path.stat().st_mode) | _EXECUTABLE)
        except OSError as error:
            raise YataiRepositoryException(f"{directory} cannot be written: {error.strerror or error}") from error

    def _load(self, tag: Tag, entry: TreeEntry, target: Path, meter: Meter) -> None:
        with self._partials.receiving(entry.digest, entry.size_bytes) as part:
            meter.add(part.offset)
            patience = self._api.patience()
            wrong_count = 0
            while True:
                try:
                    before = part.offset
                    if not part.is_whole:
                        self._receive(tag, entry, part, meter)
                except TransientError as error:
                    if part.offset > before:
                        patience.moved()
                    patience.wait(error)
                    continue
                if part.is_right:
                    break
                wrong_count += 1
                meter.add(-part.offset)
                part.restart()
                if wrong_count >= _WRONG_AT_MOST:
                    raise BundleIntegrityException(
                        f"{entry.path} of {tag} did not arrive as it was registered; try again, and if that does not "
                        "help, have the registry checked: bentoml yatai check --deep"
                    )
            part.move_to(target)

    def _receive(self, tag: Tag, entry: TreeEntry, part: PartialContent, meter: Meter) -> None:
        """Load what is missing of a content, once."""
        path = API_ROOT + joined("bundles", tag.name, tag.version, "files") + joined(*entry.path.split("/"))
        headers = {}
        if part.offset:
            headers = {"range": f"bytes={part.offset}-", "if-range": f'"{entry.digest}"'}
        request = Request("GET", path, {"redirect": "true"}, headers=headers)
        with self._api.content(request) as answer:
            if part.offset and not self._goes_on(answer, part.offset):
                meter.add(-part.offset)
                part.restart()
            for piece in answer.pieces():
                if part.offset + len(piece) > entry.size_bytes:
                    raise nonsense(self._api.address, f"with more bytes than {entry.path} of {tag} has")
                part.write(piece)
                meter.add(len(piece))
        if not part.is_whole:
            raise TransientError(f"The registry at {self._api.address} sent a part of {entry.path} only")

    def _goes_on(self, answer: Answer, offset: int) -> bool:
        """Whether the body begins where ours ends; else it begins at the beginning."""
        if answer.status != 206:
            return False
        found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found is None or int(found[1]) != offset:
            raise nonsense(self._api.address, "with other bytes of a file than it was asked for")
        return True

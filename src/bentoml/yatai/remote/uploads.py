"""From a directory to a bundle in a registry: what it lacks is sent, and what broke off goes on.

The registry keeps what has come of an upload for a day, also when this process, or the registry itself, is killed: the
same files under the same tag are the same upload.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bentoml.exceptions import (
    BundleIntegrityException,
    NotFound,
    YataiRepositoryException,
    YataiServiceException,
    YataiServiceRpcAborted,
)
from bentoml.saved_bundle.verified_files import file_digest
from bentoml.yatai.remote.answers import Bundle, MissingContent, UploadAnswer, as_bento, read_as
from bentoml.yatai.remote.api import API_ROOT, joined
from bentoml.yatai.remote.failures import TransientError, nonsense
from bentoml.yatai.remote.progress import Meter
from bentoml.yatai.remote.side_by_side import do_all
from bentoml.yatai.remote.transport import Request
from bentoml.yatai.remote.upload_piece import UploadPiece

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from bentoml.types import Tag
    from bentoml.yatai.bundle_tree import BundleTree
    from bentoml.yatai.models import Bento
    from bentoml.yatai.remote.api import Api, Outcome
    from bentoml.yatai.remote.progress import Progress
    from bentoml.yatai.remote.settings import RemoteSettings

# How often the registry may say that other bytes came than were sent.
_WRONG_AT_MOST = 2
# A commit waits for the disk, however little there is to write.
_COMMIT_BYTES = 1 << 30
SMALLEST_PIECE_BYTES = 64 << 10
_OFFSET = re.compile(r"[0-9]{1,18}")


class Upload:
    """One upload.

    Args:
        api: of the registry.
        settings: how to speak to it.
        directory: with the files.
        tree: what they are.
    """

    def __init__(self, api: Api, settings: RemoteSettings, directory: Path, tree: BundleTree) -> None:
        self._api = api
        self._settings = settings
        self._directory = directory
        self._tree = tree
        self._paths = {entry.digest: entry.path for entry in tree}
        self._piece_bytes = settings.piece_bytes

    def make(self, tag: Tag, labels: Mapping[str, str], report: Progress | None) -> Bento:
        """Send what is missing, and make the bundle.

        Args:
            tag: of the bundle.
            labels: of the bundle.
            report: is told of the progress.

        Raises:
            YataiServiceRpcAborted: the tag is taken.
            BundleIntegrityException: a file is not the one that its digest in the bundle is of.
            BentoMLException: the registry refuses, or cannot be asked.
        """
        document = {"name": tag.name, "version": tag.version, "tree": self._tree.to_json(), "labels": dict(labels)}
        answer = self._api.ask("POST", "/uploads", document=document)
        begun = read_as(UploadAnswer, answer, self._api.address)
        if begun.id is None:
            raise YataiServiceRpcAborted(f"BentoService bundle: {tag} already exists")
        missing = sorted(begun.missing, key=lambda item: (-item.size_bytes, item.digest))
        self._check(missing)
        meter = Meter(sum(item.size_bytes for item in missing), report)
        meter.add(sum(item.offset for item in missing))
        path = joined("uploads", begun.id)
        try:
            do_all(lambda item: self._send(path, item, meter), missing, self._settings.at_once, meter)
            made = self._api.ask("POST", f"{path}/commit", work_bytes=_COMMIT_BYTES + 2 * self._tree.size_bytes)
        except NotFound as error:
            raise YataiServiceException(
                f"The upload of {tag} was given up meanwhile ({error}); push it again"
            ) from error
        return as_bento(read_as(Bundle, made, self._api.address), self._api.address)

    def _check(self, missing: list[MissingContent]) -> None:
        sizes = self._tree.contents
        if not all(sizes.get(item.digest) == item.size_bytes >= item.offset >= 0 for item in missing):
            raise nonsense(self._api.address, "that it lacks contents which the bundle does not have")

    def _send(self, upload_path: str, item: MissingContent, meter: Meter) -> None:
        """Send one content to its end; the registry has compared it with its digest then."""
        source = self._directory / self._paths[item.digest]
        try:
            file = source.open("rb")
        except OSError as error:
            raise YataiRepositoryException(f"{source} cannot be read: {error.strerror or error}") from error
        with file:
            sending = _Sending(self._api, upload_path, item, file, source, meter)
            while not sending.is_over:
                sending.send(self._piece_bytes)
                if sending.is_too_large:
                    self._piece_bytes = max(min(self._piece_bytes, item.size_bytes) // 8, SMALLEST_PIECE_BYTES)


class _Sending:
    """One content on its way.

    Attributes:
        is_over: whether all of it is there, and right.
        is_too_large: whether something on the way takes no bodies as large as the last one.
    """

    def __init__(
        self, api: Api, upload_path: str, item: MissingContent, file: BinaryIO, source: Path, meter: Meter
    ) -> None:
        self._api = api
        self._upload_path = upload_path
        self._digest, self._size_bytes, self._offset = item.digest, item.size_bytes, item.offset
        self._farthest = item.offset
        self._file = file
        self._source = source
        self._meter = meter
        self._patience = api.patience()
        self._wrong_count = 0
        self.is_over = False
        self.is_too_large = False

    def send(self, most_bytes: int) -> None:
        """Send the next bytes; what fails in a way that may pass has been waited for."""
        size_bytes = min(self._size_bytes - self._offset, most_bytes)
        piece = UploadPiece(self._file, self._source, self._offset, size_bytes, self._meter)
        path = f"{API_ROOT}{self._upload_path}/blobs/{self._digest}"
        headers = {"upload-offset": str(self._offset), "content-type": "application/octet-stream"}
        # What came in several pieces is read again by the registry once it is whole.
        request = Request("PATCH", path, body=piece, headers=headers, work_bytes=self._size_bytes)
        self.is_too_large = False
        try:
            outcome = self._api.outcome(request)
        except TransientError as error:
            self._look(error, piece)
            return
        if outcome.status == 204:
            self._go_on_at(self._offset + size_bytes, piece)
            self.is_over = self._offset == self._size_bytes
            return
        self._refused(outcome, piece, most_bytes)

    def _refused(self, outcome: Outcome, piece: UploadPiece, most_bytes: int) -> None:
        error = outcome.error(self._api.address)
        offset = outcome.headers.get("upload-offset", "")
        if outcome.status == 409 and _OFFSET.fullmatch(offset) and int(offset) <= self._size_bytes:
            self._go_on_at(int(offset), piece)
            self._patience.wait(TransientError(str(error)))
        elif outcome.status == 409 and "retry-after" in outcome.headers:
            # Most likely a request of ours whose end the registry has not noticed.
            self._look(TransientError(str(error), retry_after_s=1), piece)
        elif outcome.status == 422:
            self._wrong(error)
            self._go_on_at(0, piece)
        elif outcome.status == 413 and most_bytes > SMALLEST_PIECE_BYTES:
            self.is_too_large = True
            self._go_on_at(self._offset, piece)
        else:
            raise error

    def _wrong(self, error: Exception) -> None:
        """Other bytes have come: those of the file are wrong, or the way is bad."""
        self._wrong_count += 1
        if f"sha256:{file_digest(self._source)}" != self._digest:
            raise BundleIntegrityException(
                f"{self._source} is not the file that was saved with the bundle; restore it, or save the bundle again"
            ) from error
        if self._wrong_count > _WRONG_AT_MOST:
            raise error

    def _look(self, error: TransientError, piece: UploadPiece) -> None:
        """Wait, and see what has come."""
        self._patience.wait(error)
        answer = self._api.ask("GET", self._upload_path)
        state = read_as(UploadAnswer, answer, self._api.address)
        found = next((item.offset for item in state.missing if item.digest == self._digest), None)
        self.is_over = found is None
        offset = self._size_bytes if found is None else found
        if not 0 <= offset <= self._size_bytes:
            raise nonsense(self._api.address, "an offset that is behind the end")
        self._go_on_at(offset, piece)

    def _go_on_at(self, offset: int, piece: UploadPiece) -> None:
        """Whatever was read of the piece, the next bytes are those from an offset on."""
        if offset > self._farthest:
            self._farthest = offset
            self._patience.moved()
        self._meter.add(offset - (self._offset + piece.sent_bytes))
        self._offset = offset

"""What has come of a content, when the disk takes no more."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bentoml.exceptions import YataiRepositoryException
from bentoml.yatai.remote.partial_contents import PartialContents

DATA = bytes(range(256)) * 10
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """The system takes the first bytes of what would be too much, as a disk does that becomes full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_write_when_only_a_part_fits_says_so_and_goes_on_later(tmp_path: Path) -> None:
    contents = PartialContents(tmp_path)
    with (
        pytest.raises(YataiRepositoryException, match="check its permissions and free space"),
        contents.receiving(DIGEST, len(DATA)) as part,
        files_of_at_most(1000),
    ):
        part.write(DATA)
    with contents.receiving(DIGEST, len(DATA)) as part:
        assert part.offset == 1000
        part.write(DATA[1000:])
        assert part.is_whole
        assert part.is_right

"""When a bundle that is looked at again and again is taken for another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bentoml.server.supervision.bundle_watch import BundleMark, BundleWatch

SERVED = BundleMark(Path("/v1"), frozenset({("bentoml.yml", 1, 10)}))
NEWER = BundleMark(Path("/v2"), frozenset({("bentoml.yml", 2, 10)}))
HALF = BundleMark(Path("/v2"), frozenset())


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([SERVED, SERVED], [False, False]),
        ([NEWER, NEWER], [False, True]),
        ([HALF, NEWER, NEWER], [False, False, True]),
        ([NEWER, SERVED, SERVED], [False, False, False]),
    ],
    ids=["the same", "settled", "still written", "taken back"],
)
def test_bundle_is_due_when_it_is_seen_twice_alike(looks: list[BundleMark], expected: list[bool]) -> None:
    watch = BundleWatch(SERVED)
    assert [watch.is_due(look) for look in looks] == expected


def test_bundle_that_was_tried_is_not_due_again_until_it_changes() -> None:
    watch = BundleWatch(SERVED)
    watch.tried(HALF)
    assert [watch.is_due(look) for look in (HALF, HALF, NEWER, NEWER)] == [False, False, False, True]


def test_mark_tells_every_change_of_a_file_but_not_what_python_caches(tmp_path: Path) -> None:
    file = tmp_path / "package" / "module.py"
    file.parent.mkdir()
    file.write_text("a", encoding="ascii")
    marks = [BundleMark.of(tmp_path)]
    (tmp_path / "package" / "__pycache__").mkdir()
    (tmp_path / "package" / "__pycache__" / "module.pyc").write_bytes(b"")
    assert BundleMark.of(tmp_path) == marks[0]
    os.utime(file, ns=(0, 0))
    marks.append(BundleMark.of(tmp_path))
    file.write_text("ab", encoding="ascii")
    os.utime(file, ns=(0, 0))
    marks.append(BundleMark.of(tmp_path))
    file.rename(file.with_name("other.py"))
    marks.append(BundleMark.of(tmp_path))
    assert len(set(marks)) == 4

from __future__ import annotations

from dataclasses import replace

from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata, EnvMetadata
from bentoml.yatai.server.web.comparison import FileFacts, Version, compared_files, compared_tables


def version(
    files: dict[str, bytes], *, packages: tuple[str, ...] = (), metrics: dict[str, float] | None = None
) -> Version:
    metadata = BentoServiceMetadata("Iris", "1", env=EnvMetadata(pip_packages=packages, python_version="3.11"))
    facts = {path: FileFacts(str(hash(content)), len(content)) for path, content in files.items()}
    return Version(metadata, metrics or {}, facts, lambda path: files[path])


def test_texts_are_compared_by_line() -> None:
    (found,) = compared_files(version({"a.py": b"x = 1\ny = 2\n"}), version({"a.py": b"x = 1\ny = 3\n"}))
    assert (found.path, found.what) == ("a.py", "changed")
    assert [line for line in found.lines if line[0] in {"added", "removed"}] == [
        ("removed", "-y = 2"),
        ("added", "+y = 3"),
    ]


def test_added_and_removed_files_say_so() -> None:
    found = compared_files(version({"old.py": b"1\n"}), version({"new.py": b"2\n"}))
    assert [(each.path, each.what) for each in found] == [("new.py", "added"), ("old.py", "removed")]
    assert [line for _, line in found[0].lines if not line.startswith("@")] == ["+2"]


def test_files_that_every_save_writes_are_left_out() -> None:
    assert compared_files(version({"SHA256SUMS": b"1"}), version({"SHA256SUMS": b"2"})) == []


def test_large_files_and_binaries_are_never_read_by_line() -> None:
    large = b"x\n" * 100_000
    found = compared_files(version({"m": b"\0a", "t": large}), version({"m": b"\0b", "t": large + b"y"}))
    assert [each.note for each in found] == [
        "Not a text: 2 bytes to 2 bytes.",
        "Too large to be compared here: 200 kB to 200 kB.",
    ]
    assert all(not each.lines for each in found)


def test_tables_without_a_difference_are_left_out_but_metrics() -> None:
    left = version({}, packages=("numpy==1", "pandas==2"), metrics={"f1": 0.5})
    right = version({}, packages=("numpy==2", "pandas==2"), metrics={"f1": 0.5})
    tables = dict(compared_tables(left, right))
    assert list(tables) == ["Metrics", "Requirements"]
    assert [(row.name, row.left, row.right, row.changed) for row in tables["Requirements"]] == [
        ("numpy", "1", "2", True),
        ("pandas", "2", "2", False),
    ]


def test_apis_that_changed_are_shown() -> None:
    left, right = version({}), version({})
    right = replace(right, metadata=replace(right.metadata, apis=(ApiMetadata("predict", "JsonInput", batch=True),)))
    ((title, (row,)),) = compared_tables(left, right)
    assert (title, row.left, row.right) == ("APIs", "", "/predict: JsonInput to DefaultOutput, batch")

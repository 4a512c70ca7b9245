from __future__ import annotations

import pytest

from bentoml.yatai.server.web.file_tree import directory_entries, text_lines

FILES = [("Iris/iris.py", 10), ("Iris/artifacts/model.pkl", 1000), ("Irises", 5), ("bentoml.yml", 7), ("a", 1)]


def test_directories_come_first_with_the_size_of_what_is_in_them() -> None:
    found = directory_entries(FILES, "")
    assert [(entry.name, entry.is_directory, entry.size_bytes) for entry in found] == [
        ("Iris", True, 1010),
        ("a", False, 1),
        ("bentoml.yml", False, 7),
        ("Irises", False, 5),
    ]


def test_a_directory_has_its_own_files_only() -> None:
    assert [entry.path for entry in directory_entries(FILES, "Iris")] == ["Iris/artifacts", "Iris/iris.py"]
    assert directory_entries(FILES, "Ir") == []


@pytest.mark.parametrize("content", [b"\x00\x01", b"\xff\xfe\x00a", "é".encode("latin-1")])
def test_what_is_no_text_is_not_shown_as_one(content: bytes) -> None:
    assert text_lines(content) is None


def test_lines_are_cut_where_they_are_too_long() -> None:
    (line,) = text_lines(b"x" * 100_000) or ()
    assert len(line) == 2001

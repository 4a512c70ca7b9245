from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.exceptions import BadInput
from bentoml.yatai.bundle_tree import EMPTY_DIGEST, BundleTree, TreeEntry, TreeLimits, is_digest

A, B = "a" * 64, "b" * 64
GOOD = {"executable": False, "path": "x", "sha256": A, "size_bytes": 1}


def entry(path: str, size_bytes: int = 1, sha256: str = A, executable: bool = False) -> TreeEntry:
    return TreeEntry(path, size_bytes, sha256, executable)


def document(*files: Any, **other: Any) -> bytes:
    return json.dumps({"files": list(files), "format": 1, **other}).encode()


def test_document_is_canonical_and_its_digest_that_of_its_bytes() -> None:
    tree = BundleTree.of([entry("b", 2, B, True), entry("a/\u00e9")])
    expected = (
        f'{{"files":[{{"executable":false,"path":"a/é","sha256":"{A}","size_bytes":1}},'
        f'{{"executable":true,"path":"b","sha256":"{B}","size_bytes":2}}],"format":1}}'
    ).encode()
    assert tree.document == expected
    assert tree.digest == f"sha256:{hashlib.sha256(expected).hexdigest()}"
    assert (len(tree), tree.size_bytes) == (2, 3)
    assert is_digest(tree.digest)


def test_contents_are_counted_once_and_files_found_by_path() -> None:
    tree = BundleTree.of([entry("a", 5), entry("b", 5), entry("c", 7, B)])
    assert tree.contents == {f"sha256:{A}": 5, f"sha256:{B}": 7}
    assert tree.size_bytes == 17
    assert tree.find("b") == entry("b", 5)
    assert tree.find("d") is None


PARTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1)
PATHS = st.lists(
    PARTS.filter(lambda part: part not in {".", ".."} and len(part.encode()) < 255), min_size=1, max_size=4
)
ENTRIES = st.builds(
    TreeEntry,
    path=PATHS.map("/".join),
    size_bytes=st.just(3),
    sha256=st.sampled_from([A, B]),
    executable=st.booleans(),
)


@given(st.lists(ENTRIES, max_size=8), st.randoms())
def test_trees_come_back_from_their_document_whatever_the_order(entries: list[TreeEntry], dice: Any) -> None:
    try:
        tree = BundleTree.of(entries)
    except BadInput:
        return  # two of the names mean one file somewhere, or lie below each other
    shuffled = list(entries)
    dice.shuffle(shuffled)
    again = BundleTree.parse(tree.document)
    assert again == tree == BundleTree.of(shuffled)
    assert again.digest == tree.digest
    assert again.document == tree.document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([A, "x", "a/b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["files", "format", "path", "sha256", "size_bytes", "executable"]) | st.text(), inner
        )
    ),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_parse_of_anything_gives_a_tree_or_says_what_is_wrong(data: bytes) -> None:
    try:
        tree = BundleTree.parse(data)
    except BadInput:
        return
    assert BundleTree.parse(tree.document) == tree


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, min_size=1))
def test_parse_of_an_entry_with_other_values_gives_a_tree_or_says_what_is_wrong(changed: dict[str, Any]) -> None:
    try:
        tree = BundleTree.parse(document({**GOOD, **changed}))
    except BadInput:
        return
    (only,) = tree
    assert not only.path.startswith("/")
    assert ".." not in only.path.split("/")
    assert only.to_json() == {**GOOD, **changed}


HOSTILE_PATHS = [
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a/..",
    ".",
    "",
    "a//b",
    "./a",
    "a/",
    "a\0b",
    "a\nb",
    "a\\b",
    "..\\x",
    "x" * 256,
    "/".join("x" * 40),
    "/".join(["y" * 200] * 6),
    "\ud800",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS, ids=lambda path: ascii(path)[:30])
def test_parse_refuses_paths_that_could_do_harm(path: str) -> None:
    with pytest.raises(BadInput, match="the list of files"):
        BundleTree.parse(document({**GOOD, "path": path}))


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("b", "a"),
        ("Model.py", "model.py"),
        ("A/x", "a/y"),
        ("caf\u00e9", "cafe\u0301"),
        ("a", "a/b"),
        ("K", "\u212a"),
    ],
    ids=ascii,
)
def test_parse_refuses_paths_that_mean_one_file(paths: tuple[str, str]) -> None:
    ordered = paths if paths == ("b", "a") else sorted(paths)
    with pytest.raises(BadInput, match=r"sorted by path|one name on some machines|below a file"):
        BundleTree.parse(document(*({**GOOD, "path": path} for path in ordered)))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"size_bytes": -1}, "no number of bytes"),
        ({"size_bytes": 1.0}, "no number of bytes"),
        ({"size_bytes": True}, "no number of bytes"),
        ({"size_bytes": 1 << 53}, "no number of bytes"),
        ({"size_bytes": 0}, "is empty, but"),
        ({"sha256": A.upper()}, "64 hexadecimal digits"),
        ({"sha256": A[:-1]}, "64 hexadecimal digits"),
        ({"sha256": f"{A}\n"}, "64 hexadecimal digits"),
        ({"executable": 1}, "neither true nor false"),
        ({"path": 1}, "no text"),
        ({"link": "x"}, "has not the keys"),
    ],
    ids=str,
)
def test_parse_refuses_entries_that_are_none(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        BundleTree.parse(document({**GOOD, **changed}))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no JSON"),
        (b"\xff{}", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"files":[],"files":[],"format":1}', "a key twice"),
        (b'{"files":[],"format":' + b"1" * 5000 + b"}", "is no JSON"),
        (b'{"files":[]}', "no object with"),
        (b"[]", "no object with"),
        (b'{"files":[],"format":2}', "format '2'"),
        (b'{"files":[],"format":true}', "format 'True'"),
        (b'{"files":{},"format":1}', "no array"),
        (b'{"files":[1],"format":1}', "has not the keys"),
        (document(GOOD, more=1), "no object with"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_parse_refuses_documents_that_are_none(data: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        BundleTree.parse(data)


def test_parse_keeps_its_limits() -> None:
    two = document({**GOOD, "path": "a"}, {**GOOD, "path": "b"})
    assert len(BundleTree.parse(two, TreeLimits(max_files=2, max_size_bytes=2, max_document_bytes=len(two)))) == 2
    for limits, says in [
        (TreeLimits(max_files=1), "at most 1 files"),
        (TreeLimits(max_size_bytes=1), "2 bytes together, and 1 are allowed"),
        (TreeLimits(max_document_bytes=len(two) - 1), "larger than"),
    ]:
        with pytest.raises(BadInput, match=says):
            BundleTree.parse(two, limits)
    deep = document({**GOOD, "path": "a/b/c"})
    with pytest.raises(BadInput, match="deeper than 2"):
        BundleTree.parse(deep, TreeLimits(max_depth=2))


def test_parse_refuses_one_content_of_two_sizes() -> None:
    with pytest.raises(BadInput, match="one content two sizes"):
        BundleTree.parse(document({**GOOD, "path": "a"}, {**GOOD, "path": "b", "size_bytes": 2}))


def test_empty_files_have_the_digest_of_nothing() -> None:
    tree = BundleTree.of([entry("a", 0, EMPTY_DIGEST.partition(":")[2])])
    assert tree.contents == {EMPTY_DIGEST: 0}

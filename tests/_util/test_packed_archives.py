"""Archives that we pack, and where the directory is that one was made of."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bentoml._util.archives import extract_tar, pack_tar, unpacked_root
from bentoml.exceptions import BadInput


def test_pack_tar_gives_back_the_same_files_and_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "__pycache__").mkdir(parents=True)
    (source / "deep" / "__pycache__" / "x.pyc").touch()
    (source / "deep" / "data").write_bytes(bytes(range(256)) * 5000)
    (source / "caf\u00e9").touch()
    (source / "run.sh").write_text("#!")
    (source / "run.sh").chmod(0o4755)
    first, second = io.BytesIO(), io.BytesIO()
    pack_tar(source, "Iris", first)
    (source / "run.sh").touch()
    pack_tar(source, "Iris", second)
    assert first.getvalue() == second.getvalue()

    target = tmp_path / "target"
    target.mkdir()
    first.seek(0)
    extract_tar(first, target)
    root = unpacked_root(target, "run.sh")
    assert root == target / "Iris"
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
        "caf\u00e9",
        "deep",
        "deep/data",
        "run.sh",
    ]
    assert (root / "deep/data").read_bytes() == (source / "deep/data").read_bytes()
    assert (root / "run.sh").stat().st_mode & 0o7777 == 0o755


def test_pack_tar_refuses_links(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="neither a file nor a directory"):
        pack_tar(tmp_path, "x", io.BytesIO())


def test_unpacked_root_when_files_lie_at_the_top_is_the_directory_itself(tmp_path: Path) -> None:
    (tmp_path / "bentoml.yml").touch()
    assert unpacked_root(tmp_path, "bentoml.yml") == tmp_path


@pytest.mark.parametrize("names", [[], ["a"], ["a/bentoml.yml", "b/bentoml.yml"], ["a/b/bentoml.yml"]])
def test_unpacked_root_when_there_is_not_one_bundle_says_so(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(BadInput, match=r"no directory with bentoml\.yml"):
        unpacked_root(tmp_path, "bentoml.yml")


def test_pack_tar_refuses_what_could_not_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    (tmp_path / "readme").touch()
    with pytest.raises(BadInput, match="one name on some machines"):
        pack_tar(tmp_path, "x", io.BytesIO())

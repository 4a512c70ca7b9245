"""The wheel of the running library: its bytes, its metadata, and that it installs without an index."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import sys
import venv
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

import bentoml
from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle import library_wheel
from bentoml.saved_bundle.library_wheel import WHEEL_NAME, write_library_wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def info_dir() -> str:
    return f"bentoml-{bentoml.__version__}.dist-info"


def test_write_library_wheel_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_library_wheel(tmp_path).read_bytes()
    monkeypatch.setattr(library_wheel, "_packed", {})
    assert write_library_wheel(tmp_path).read_bytes() == first


def test_write_library_wheel_holds_code_and_data_but_no_bytecode(tmp_path: Path, info_dir: str) -> None:
    with zipfile.ZipFile(write_library_wheel(tmp_path)) as wheel:
        names = wheel.namelist()
    assert {
        "bentoml/__init__.py",
        "bentoml/py.typed",
        "bentoml/saved_bundle/templates/Dockerfile",
        f"{info_dir}/METADATA",
        f"{info_dir}/WHEEL",
        f"{info_dir}/entry_points.txt",
    } <= set(names)
    assert names[-1] == f"{info_dir}/RECORD"
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_write_library_wheel_records_the_digest_of_every_member(tmp_path: Path, info_dir: str) -> None:
    with zipfile.ZipFile(write_library_wheel(tmp_path)) as wheel:
        rows = list(csv.reader(io.StringIO(wheel.read(f"{info_dir}/RECORD").decode())))
        contents = {name: wheel.read(name) for name in wheel.namelist()}
    assert {row[0] for row in rows} == set(contents)
    for name, digest, size in rows[:-1]:
        expected = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
        assert (digest, size) == (f"sha256={expected}", str(len(contents[name])))


def test_write_library_wheel_states_what_the_library_needs(tmp_path: Path, info_dir: str) -> None:
    with zipfile.ZipFile(write_library_wheel(tmp_path)) as wheel:
        metadata = message_from_string(wheel.read(f"{info_dir}/METADATA").decode())
    assert (metadata["Name"], metadata["Version"]) == ("bentoml", bentoml.__version__)
    assert any(line.startswith("click") for line in metadata.get_all("Requires-Dist") or [])


def test_metadata_of_an_older_editable_installation_gets_the_running_version() -> None:
    text = "Metadata-Version: 2.4\nName: bentoml\nVersion: 0.0.1\nRequires-Dist: click\n\nLong text: Version: 0.0.1\n"
    message = message_from_string(library_wheel._metadata_text(text))
    assert message.get_all("Version") == [bentoml.__version__]
    assert message["Requires-Dist"] == "click"
    assert message.get_payload() == "Long text: Version: 0.0.1\n"


def test_write_library_wheel_without_an_installation_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_wheel, "DISTRIBUTION", "bentoml-that-is-not-here")
    with pytest.raises(BentoMLException, match="is not installed"):
        write_library_wheel(tmp_path)


def test_wheel_of_the_library_installs_without_an_index(tmp_path: Path) -> None:
    wheel = write_library_wheel(tmp_path)
    assert wheel.name == WHEEL_NAME
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps", str(wheel)]
    proc.run([sys.executable, *install], check=True, env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    done = proc.run(
        [str(python), "-I", "-c", "import bentoml; print(bentoml.__version__, bentoml.__file__)"],
        check=True,
        cwd=tmp_path,
    )
    version, file = done.stdout.split()
    assert version == bentoml.__version__
    assert file.startswith(str(home))
    assert (home / "bin" / "bentoml").is_file()

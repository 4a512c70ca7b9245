"""Writing a bundle: what is in it, what is refused, and that nothing half-written stays."""

from __future__ import annotations

import json
import logging
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bentoml
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle import load, save_to_dir
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.service.openapi import openapi_document

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project


def tree(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def greeting(bundle: Path) -> Any:
    service: Any = load(bundle)
    return service.greet("you")


def test_save_to_dir_of_a_service_writes_the_whole_tree(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    save_to_dir(service, str(bundle_dir))
    assert tree(bundle_dir) == {
        "README.md",
        "bentoml.yml",
        "SHA256SUMS",
        "docs.json",
        "Dockerfile",
        "docker-entrypoint.sh",
        "bentoml-init.sh",
        "environment.yml",
        "requirements.txt",
        "requirements.lock",
        "sbom.cdx.json",
        "python_version",
        "setup.py",
        "MANIFEST.in",
        f"bundled_pip_dependencies/{WHEEL_NAME}",
        "Greeter/__init__.py",
        "Greeter/bentoml.yml",
        "Greeter/SHA256SUMS",
        "Greeter/greeter.py",
        "Greeter/artifacts/model.pkl",
    }
    for script in ("docker-entrypoint.sh", "bentoml-init.sh"):
        assert (bundle_dir / script).stat().st_mode & stat.S_IXUSR
    assert (bundle_dir / "Greeter/bentoml.yml").read_bytes() == (bundle_dir / "bentoml.yml").read_bytes()
    assert json.loads((bundle_dir / "docs.json").read_text()) == openapi_document(service)
    assert (bundle_dir / "README.md").read_text().startswith("# Generated BentoService bundle - Greeter:1.0\n")
    assert "Greets." in (bundle_dir / "README.md").read_text()
    assert (bundle_dir / "python_version").read_text().count(".") == 2


def test_save_to_dir_into_a_missing_directory_says_so(project: Project, tmp_path: Path) -> None:
    with pytest.raises(BentoMLException, match=r"^Directory '.*nowhere' not found"):
        save_to_dir(project.greeter(), str(tmp_path / "nowhere"))


def test_save_to_dir_twice_into_one_directory_is_refused(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    save_to_dir(service, bundle_dir)
    before = {name: (bundle_dir / name).read_bytes() for name in tree(bundle_dir)}
    with pytest.raises(BentoMLException, match="Existing module file found for BentoService Greeter"):
        save_to_dir(service, bundle_dir)
    assert {name: (bundle_dir / name).read_bytes() for name in tree(bundle_dir)} == before


def test_save_to_dir_beside_other_files_leaves_them_and_loads(project: Project, bundle_dir: Path) -> None:
    (bundle_dir / "notes.txt").write_text("mine")
    (bundle_dir / "data").mkdir()
    (bundle_dir / "data" / "a.csv").write_text("1")
    save_to_dir(project.greeter(), bundle_dir)
    assert "notes.txt" not in (bundle_dir / "SHA256SUMS").read_text()
    (bundle_dir / "notes.txt").write_text("changed since")
    assert greeting(bundle_dir) == "hello you"


def test_save_to_dir_over_a_file_of_the_user_is_refused(project: Project, bundle_dir: Path) -> None:
    (bundle_dir / "README.md").write_text("mine")
    with pytest.raises(BentoMLException, match=r"already has README\.md; give an empty directory"):
        save_to_dir(project.greeter(), bundle_dir)
    assert tree(bundle_dir) == {"README.md"}
    assert (bundle_dir / "README.md").read_text() == "mine"


class Unwritable:
    def __reduce__(self) -> Any:
        raise RuntimeError("no pickle of me")


def test_save_to_dir_when_an_artifact_fails_leaves_nothing(project: Project, bundle_dir: Path) -> None:
    with pytest.raises(RuntimeError, match="no pickle of me"):
        save_to_dir(project.greeter(model=Unwritable()), bundle_dir)
    assert list(bundle_dir.iterdir()) == []


def test_save_to_dir_when_a_move_fails_takes_the_others_back(
    project: Project, bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Any) -> Path:
        if self.name == "setup.py" and self.parent.parent == bundle_dir:
            raise OSError("disk is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk is gone"):
        save_to_dir(project.greeter(), bundle_dir)
    assert list(bundle_dir.iterdir()) == []


KILLED_WHILE_SAVING = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import greeter
class Deadly:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)
service = greeter.Greeter()
service.pack("model", Deadly())
service.save_to_dir(sys.argv[2])
"""


def test_save_to_dir_when_the_process_is_killed_leaves_no_bundle(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_SAVING, project.root, bundle_dir], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (bundle_dir / "bentoml.yml").exists()
    with pytest.raises(BentoMLException, match="is not a saved bundle"):
        load(bundle_dir)
    save_to_dir(service, bundle_dir)
    assert greeting(bundle_dir) == "hello you"


def test_save_to_dir_with_a_version_sets_it(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    save_to_dir(service, bundle_dir, version="2.5")
    assert service.version == "2.5"
    assert load(bundle_dir).version == "2.5"


def test_save_to_dir_logs_where_unless_silent(
    project: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    service = project.greeter()
    for name, silent in (("loud", False), ("quiet", True)):
        (tmp_path / name).mkdir()
        save_to_dir(service, tmp_path / name, silent=silent)
    messages = [record.getMessage() for record in caplog.records if "created at" in record.getMessage()]
    assert messages == [f"BentoService bundle 'Greeter:1.0' created at: {tmp_path / 'loud'}"]


def test_save_to_dir_before_an_artifact_is_packed_warns(
    project: Project, bundle_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project.greeter()
    save_to_dir(project.import_("greeter").Greeter(), bundle_dir)
    assert "Missing declared artifact 'model' for BentoService 'Greeter'" in caplog.messages


WITH_STATIC_CONTENT = """
import bentoml

@bentoml.web_static_content("pages")
class Paged(bentoml.BentoService):
    pass
"""


def test_save_to_dir_with_static_content_copies_it(
    project: Project, bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(paged=WITH_STATIC_CONTENT)
    project.write_file("pages/index.html", "<h1>hi</h1>")
    monkeypatch.chdir(project.root)
    save_to_dir(project.import_("paged").Paged(), bundle_dir)
    loaded = load(bundle_dir)
    monkeypatch.chdir("/")
    content = Path(loaded.get_web_static_content_path() or "")
    assert content == bundle_dir / "Paged" / "web_static_content"
    assert (content / "index.html").read_text() == "<h1>hi</h1>"


def test_save_to_dir_without_the_static_content_says_which_directory(project: Project, bundle_dir: Path) -> None:
    project.write(paged=WITH_STATIC_CONTENT)
    with pytest.raises(BentoMLException, match=r"pages of @web_static_content does not exist"):
        save_to_dir(project.import_("paged").Paged(), bundle_dir)
    assert list(bundle_dir.iterdir()) == []


def test_save_of_a_loaded_service_under_a_new_version_makes_a_whole_bundle(project: Project, tmp_path: Path) -> None:
    project.write(words__deep__hello="WORD = 'hello'", words__unused="", words____init__="")
    source = (
        "import bentoml\nfrom words.deep.hello import WORD\n"
        "class Speaker(bentoml.BentoService):\n    _bento_service_name = 'Talker'\n    word = WORD\n"
    )
    project.write(speaker=source)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    save_to_dir(project.import_("speaker").Speaker(), first, version="1")
    project.forget("speaker", "words")
    (project.root / "speaker.py").unlink()
    save_to_dir(load(first), second, version="2")
    again = load(second)
    assert (again.tag, again.word) == ("Talker:2", "hello")  # type: ignore[attr-defined]
    python_files = {name for name in tree(first) if name.endswith(".py")}
    assert python_files == {name for name in tree(second) if name.endswith(".py")}


def test_save_to_dir_of_hostile_environment_leaves_nothing(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    service.env._pip_packages.append("numpy\n--index-url=http://evil.example")
    with pytest.raises(InvalidArgument, match=r"cannot stand in requirements\.txt"):
        save_to_dir(service, bundle_dir)
    assert list(bundle_dir.iterdir()) == []


def test_save_to_dir_is_the_public_one() -> None:
    assert bentoml.save_to_dir is save_to_dir

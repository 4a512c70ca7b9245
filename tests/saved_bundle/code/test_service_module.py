"""Services defined in scripts, packages, interpreters and functions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bentoml
from bentoml._util import proc
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.saved_bundle import load, load_saved_bundle_config, save_to_dir
from bentoml.saved_bundle.code.service_module import find_service_module, unguarded_line

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project

SCRIPT = """
import sys
import bentoml
from helper import GREETING

class Scripted(bentoml.BentoService):
    greeting = GREETING

{guard}    Scripted().save_to_dir(sys.argv[1], version="1")
"""
GUARDED = SCRIPT.format(guard='if __name__ == "__main__":\n')
UNGUARDED = SCRIPT.format(guard="if True:\n")


def run(*argv: str, cwd: Path, code: str | None = None) -> proc.Completed:
    return proc.run([sys.executable, *(["-c", code] if code else []), *argv], cwd=cwd, timeout_s=60)


SCRIPTS = [
    pytest.param("train.py", ["train.py"], "train", "train.py", id="script"),
    pytest.param("train-it.py", ["train-it.py"], "train-it", "train-it.py", id="hyphen"),
    pytest.param("train.v2.py", ["train.v2.py"], "train_v2", "train_v2.py", id="dot"),
    pytest.param("jobs/train.py", ["-m", "jobs.train"], "jobs.train", "jobs/train.py", id="module of a package"),
    pytest.param("jobs/__main__.py", ["-m", "jobs"], "jobs.__main__", "jobs/__main__.py", id="package"),
]


@pytest.mark.parametrize(("file", "argv", "module_name", "module_file"), SCRIPTS)
def test_save_from_a_script_captures_it_under_its_file_name(
    project: Project, bundle_dir: Path, file: str, argv: list[str], module_name: str, module_file: str
) -> None:
    project.write_file(file, GUARDED)
    project.write(helper="GREETING = 'hi'")
    done = run(*argv, str(bundle_dir), cwd=project.root)
    assert (done.returncode, done.stderr) == (0, "")
    manifest = load_saved_bundle_config(bundle_dir)
    assert (manifest.module_name, manifest.module_file) == (module_name, module_file)
    assert (bundle_dir / "Scripted" / module_file).is_file()
    service: Any = load(bundle_dir)
    assert service.greeting == "hi"


def test_save_from_a_script_without_a_guard_warns_and_loads_without_saving_again(
    project: Project, bundle_dir: Path, bentoml_home: Path
) -> None:
    project.write_file("train.py", UNGUARDED.replace("save_to_dir(sys.argv[1], version", "save(version"))
    project.write(helper="GREETING = 'hi'")
    done = run("train.py", cwd=project.root)
    assert done.returncode == 0, done.stderr
    assert "train.py:10 runs again each time the bundle is loaded" in done.stdout + done.stderr
    code = (
        "from bentoml.yatai.client import get_yatai_client\n"
        "repository = get_yatai_client().repository\n"
        "print('Result:', repository.load('Scripted:latest').tag, len(repository.list()))\n"
    )
    again = run(cwd=project.root, code=code)
    assert "Result: Scripted:1 1\n" in again.stdout, again.stderr
    assert "its module saves a service when it is imported; nothing was" in again.stdout + again.stderr


def test_save_to_dir_from_a_script_without_a_guard_loads_without_writing(project: Project, bundle_dir: Path) -> None:
    project.write_file("train.py", UNGUARDED)
    project.write(helper="GREETING = 'hi'")
    assert run("train.py", str(bundle_dir), cwd=project.root).returncode == 0
    other = bundle_dir.parent / "other"
    other.mkdir()
    code = (
        f"import sys; sys.argv = ['x', {str(other)!r}]\n"
        f"import bentoml; print('Result:', bentoml.load({str(bundle_dir)!r}).tag)\n"
    )
    done = run(cwd=bundle_dir.parent, code=code)
    assert "Result: Scripted:1\n" in done.stdout, done.stderr
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("argv", [["-c"], ["-i", "-c"]], ids=" ".join)
def test_save_of_a_class_typed_into_an_interpreter_is_refused(tmp_path: Path, argv: list[str]) -> None:
    code = (
        "import bentoml\n"
        "class Typed(bentoml.BentoService): pass\n"
        "try:\n    Typed().save_to_dir('.')\nexcept bentoml.exceptions.BentoMLException as e:\n    print(e)\n"
    )
    done = proc.run([sys.executable, *argv, code], cwd=tmp_path, timeout_s=60)
    assert "BentoService class Typed can not be defined in Python interactive REPL" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_save_of_a_class_inside_a_function_is_refused(bundle_dir: Path) -> None:
    class Local(bentoml.BentoService):
        pass

    with pytest.raises(BentoMLException, match="is defined inside a function or class; move it to the top level"):
        save_to_dir(Local(), bundle_dir)


def test_save_of_a_class_without_source_is_refused(project: Project, bundle_dir: Path) -> None:
    project.write(svc="import bentoml\nclass Service(bentoml.BentoService): pass\n")
    service = project.import_("svc").Service()
    (project.root / "svc.py").unlink()
    with pytest.raises(
        BentoMLException, match=r"the source of BentoService class Service \(module svc\) was not found"
    ):
        save_to_dir(service, bundle_dir)


GUARDS = [
    pytest.param("svc.save()", 1, id="statement"),
    pytest.param("x = 1\npath = svc.pack('m', 1).save()", 2, id="assignment"),
    pytest.param("for i in x:\n    svc.save_to_dir(i)", 2, id="loop"),
    pytest.param("with x:\n    svc.pack('m', 1)", 2, id="with"),
    pytest.param("if x:\n    svc.save()", 2, id="other condition"),
    pytest.param("if __name__ == '__main__':\n    svc.save()", None, id="guard"),
    pytest.param("if '__main__' == __name__:\n    svc.save()", None, id="guard, the other way round"),
    pytest.param("def main():\n    svc.save()\nclass A:\n    x = lambda self: self.save()", None, id="functions"),
    pytest.param("print(1)\nx.append(2)", None, id="nothing"),
]


@pytest.mark.parametrize(("source", "line"), GUARDS)
def test_unguarded_line_finds_what_runs_on_import(tmp_path: Path, source: str, line: int | None) -> None:
    (tmp_path / "f.py").write_text(source)
    assert unguarded_line(tmp_path / "f.py") == line


WITH_ARCHIVE = """
import sys
sys.path.insert(0, {archive!r})
import bentoml
import zipped.inner

@bentoml.env(zipimport_archives=["libs/code.zip"])
class Zipped(bentoml.BentoService):
    value = zipped.inner.VALUE
    def late(self):
        from zipped import late
        return late.VALUE
"""


def write_archive(project: Project, value: int) -> Path:
    import zipfile

    path = project.root / "libs" / "code.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/inner.py", f"VALUE = {value}")
        archive.writestr("zipped/late.py", "from .inner import VALUE")
    return path


def test_save_with_zip_archives_takes_them_along(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zipimport

    monkeypatch.setattr(sys, "path", list(sys.path))
    bundles = []
    for value in (1, 2):
        archive = write_archive(project, value)
        zipimport._zip_directory_cache.clear()  # type: ignore[attr-defined]
        sys.path_importer_cache.clear()
        project.forget("zipped", "svc")
        project.write(svc=WITH_ARCHIVE.format(archive=str(archive)))
        bundles.append(tmp_path / f"bundle{value}")
        bundles[-1].mkdir()
        save_to_dir(project.import_("svc").Zipped(), bundles[-1])
        assert (bundles[-1] / "Zipped" / "zipimports" / "code.zip").read_bytes() == archive.read_bytes()
    archive.unlink()
    project.forget("zipped", "svc")
    one, two = (load(bundle) for bundle in bundles)
    assert [one.value, two.value, one.late(), two.late()] == [1, 2, 1, 2]  # type: ignore[attr-defined]


def test_load_with_an_archive_never_takes_the_standard_library_from_it(project: Project, tmp_path: Path) -> None:
    import json
    import zipfile

    (project.root / "libs").mkdir()
    with zipfile.ZipFile(project.root / "libs" / "code.zip", "w") as archive:
        archive.writestr("json/__init__.py", "raise SystemExit('not the real one')")
        archive.writestr("bentoml/__init__.py", "raise SystemExit('not the real one')")
        archive.writestr("own.py", "import json, bentoml.adapters\nVALUE = json.dumps(1)")
    source = """
        import sys
        sys.path.append({archive!r})
        import bentoml, json, own

        @bentoml.env(zipimport_archives=["libs/code.zip"])
        class Zipped(bentoml.BentoService):
            value = own.VALUE
            def late(self):
                import json
                return json
    """
    project.write_file("zipped_svc.py", source.format(archive=str(project.root / "libs" / "code.zip")))
    (tmp_path / "bundle").mkdir()
    save_to_dir(project.import_("zipped_svc").Zipped(), tmp_path / "bundle")
    project.forget("own", "zipped_svc")
    loaded: Any = load(tmp_path / "bundle")
    assert loaded.value == "1"
    assert loaded.late().dumps is json.dumps


@pytest.mark.parametrize("name", ["nowhere.zip", "text.zip", "archive.tar"])
def test_save_with_an_archive_that_is_none_is_refused(project: Project, name: str) -> None:
    from bentoml.saved_bundle.code.service_module import find_zip_archives

    project.write_file("text.zip", "not a zip")
    write_archive(project, 1).rename(project.root / "archive.tar")
    project.write(svc="import bentoml\nclass Service(bentoml.BentoService): pass\n")
    module = find_service_module(project.import_("svc").Service)
    with pytest.raises(InvalidArgument, match=name):
        find_zip_archives(module, [name])

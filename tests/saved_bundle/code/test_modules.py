"""Bundles that share module names, with each other and with the user's own project, in one process."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bentoml.saved_bundle import load, load_bento_service_class, save_to_dir
from bentoml.saved_bundle.code.modules import BundleModules, bundle_being_imported

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.saved_bundle.conftest import Project

COUNTER = """
import bentoml
from bentoml.adapters import JsonInput
from bentoml.service.artifacts.common import PickleArtifact
from tools.text import decorate
from tools import state
import settings


@bentoml.artifacts([PickleArtifact("model", pickle_module="pickle")])
class Counter(bentoml.BentoService):
    calls = []

    @bentoml.api(input=JsonInput())
    def count(self, x):
        from tools.late import VERSION
        import tools.later as later
        state.SEEN.append(x)
        self.calls.append(x)
        return [decorate(VERSION), later.VERSION, settings.VERSION, len(state.SEEN), len(self.calls)]

    @bentoml.api(input=JsonInput())
    def lazily(self, x):
        import importlib
        return importlib.import_module("tools.latest").VERSION
"""


class Versions:
    """Saves versions of one service that differ in every module."""

    def __init__(self, project: Project, tmp_path: Path) -> None:
        self.project = project
        self.tmp_path = tmp_path

    def save(self, version: str) -> Path:
        self.project.forget("tools", "settings", "counter", "shapes")
        self.project.write(
            counter=COUNTER,
            settings=f"VERSION = {version!r}\n",
            tools____init__="",
            tools__state="SEEN = []\n",
            tools__text="from . import marks\ndef decorate(text): return text + marks.MARK\n",
            tools__marks=f"MARK = '!{version}'\n",
            tools__late=f"VERSION = 'late {version}'\n",
            tools__later=f"VERSION = 'later {version}'\n",
            tools__latest=f"VERSION = 'latest {version}'\n",
            shapes=f"class Shape:\n    version = {version!r}\n",
        )
        # What the service imports by name at run time, and what its pickle needs, must be stated to be saved.
        source = COUNTER + "\nimport shapes\nimport importlib\n_ = lambda: importlib.import_module('tools.latest')\n"
        self.project.write(counter=source)
        service = self.project.import_("counter").Counter()
        service.pack("model", self.project.import_("shapes").Shape())
        target = self.tmp_path / f"v{version}"
        target.mkdir()
        save_to_dir(service, target, version=version)
        return target

    def leave(self) -> None:
        """The process forgets the project, and its files are gone."""
        self.project.forget("tools", "settings", "counter", "shapes")
        for path in sorted(self.project.root.rglob("*.py")):
            path.unlink()
        # Directories that hold no code must not stand in the way of the bundle's packages.


@pytest.fixture
def versions(project: Project, tmp_path: Path) -> Versions:
    return Versions(project, tmp_path)


def expected(version: str, calls: int) -> list[Any]:
    return [f"late {version}!{version}", f"later {version}", version, calls, calls]


def test_load_of_two_versions_gives_independent_classes_and_modules(versions: Versions) -> None:
    first, second = versions.save("1"), versions.save("2")
    versions.leave()
    one, two = load(first), load(second)
    assert type(one) is not type(two)
    assert one.count(0) == expected("1", 1)  # type: ignore[attr-defined]
    assert two.count(0) == expected("2", 1)  # type: ignore[attr-defined]
    assert one.count(0) == expected("1", 2)  # type: ignore[attr-defined]
    assert one.artifacts.model.version == "1"
    assert two.artifacts.model.version == "2"


def test_load_twice_of_one_bundle_gives_independent_classes(versions: Versions) -> None:
    path = versions.save("1")
    one, two = load(path), load(path)
    assert type(one) is not type(two)
    one.count(0)  # type: ignore[attr-defined]
    assert two.count(0) == expected("1", 1)  # type: ignore[attr-defined]


def test_load_leaves_the_modules_of_the_user_as_they_are(versions: Versions) -> None:
    path = versions.save("1")
    versions.save("2")
    names = [name for name in sys.modules if name.split(".")[0] in {"tools", "settings", "counter", "shapes"}]
    assert "tools.text" in names
    before = {name: sys.modules[name] for name in names}
    service = load(path)
    assert service.count(0) == expected("1", 1)  # type: ignore[attr-defined]
    after = {name: sys.modules.get(name) for name in sys.modules if name.split(".")[0] in {"tools", "counter"}}
    assert {name: module for name, module in before.items() if name in after} == after
    assert all(sys.modules[name] is module for name, module in before.items())
    mine = versions.project.import_("counter").Counter()
    mine.pack("model", 1)
    assert mine.count(0) == expected("2", 1)


def test_load_leaves_a_module_that_the_user_has_not_imported_yet(versions: Versions) -> None:
    path = versions.save("1")
    versions.save("2")
    versions.project.forget("tools", "settings", "counter", "shapes")
    assert load(path).count(0) == expected("1", 1)  # type: ignore[attr-defined]
    assert "tools" not in sys.modules
    assert versions.project.import_("settings").VERSION == "2"


def test_load_leaves_a_namespace_package_that_the_user_has_not_imported_yet(versions: Versions) -> None:
    path = versions.save("1")
    versions.project.forget("tools", "settings", "counter", "shapes")
    (versions.project.root / "tools" / "__init__.py").unlink()
    load(path)
    assert "tools" not in sys.modules
    assert versions.project.import_("tools.late").__file__ == str(versions.project.root / "tools" / "late.py")


def test_load_makes_objects_of_the_bundle_picklable_when_no_other_module_has_their_name(versions: Versions) -> None:
    path = versions.save("1")
    versions.leave()
    service = load(path)
    copy = pickle.loads(pickle.dumps(service.artifacts.model))
    assert type(copy) is type(service.artifacts.model)
    assert sys.modules["shapes"].__file__ == str(path / "Counter" / "shapes.py")


def test_import_module_at_run_time_finds_the_module_of_the_bundle(versions: Versions) -> None:
    path = versions.save("1")
    versions.leave()
    assert load(path).lazily(0) == "latest 1"  # type: ignore[attr-defined]


def test_load_writes_no_bytecode(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = versions.save("1")
    versions.leave()
    load(path).count(0)  # type: ignore[attr-defined]
    assert list(path.rglob("__pycache__")) == []


def test_load_ignores_bytecode_that_lies_in_the_bundle(versions: Versions) -> None:
    import importlib.util
    import py_compile

    path = versions.save("1")
    versions.leave()
    source = path / "Counter" / "settings.py"
    original, stamp = source.read_bytes(), source.stat()
    source.write_bytes(original.replace(b"'1'", b"'9'"))
    py_compile.compile(str(source), cfile=importlib.util.cache_from_source(str(source)))
    source.write_bytes(original)
    import os

    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert load(path).count(0) == expected("1", 1)  # type: ignore[attr-defined]


def test_save_of_a_loaded_service_while_the_user_has_modules_of_those_names(versions: Versions, tmp_path: Path) -> None:
    first = versions.save("1")
    versions.save("2")
    again = tmp_path / "again"
    again.mkdir()
    service = load(first)
    save_to_dir(service, again, version="1.1")
    copy = load(again)
    assert copy.count(0) == expected("1", 1)  # type: ignore[attr-defined]
    assert copy.artifacts.model.version == "1"


def test_import_of_another_thread_while_a_bundle_is_active_finds_the_module_of_the_user(
    versions: Versions, project: Project
) -> None:
    path = versions.save("1")
    versions.save("2")
    project.forget("tools", "settings", "counter", "shapes")
    modules = BundleModules(path, [path / "Counter"])
    with modules.activated():
        results = run_together(lambda: project.import_("settings").VERSION)
        assert modules.import_service_module("tools.late").VERSION == "late 1"
    assert results == ["2"]
    assert sys.modules["settings"].VERSION == "2"
    assert "tools" not in sys.modules


def run_together(*functions: Callable[[], Any]) -> list[Any]:
    """Runs functions in threads that start at one moment; gives their results in order."""
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = functions[index]()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion of the test
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_load_in_many_threads_gives_each_its_own(versions: Versions) -> None:
    paths = {version: versions.save(version) for version in ("1", "2", "3")}
    versions.leave()

    def use(version: str) -> Callable[[], Any]:
        return lambda: [load(paths[version]).count(0) for _ in range(5)]  # type: ignore[attr-defined]

    order = ["1", "2", "3", "1", "2", "3"]
    assert run_together(*map(use, order)) == [[expected(version, 1)] * 5 for version in order]


def test_late_imports_in_many_threads_reach_their_own_bundle(versions: Versions) -> None:
    services = {version: load(versions.save(version)) for version in ("1", "2")}
    versions.leave()

    def use(version: str) -> Callable[[], Any]:
        return lambda: services[version].count(0)[:3]  # type: ignore[attr-defined]

    order = ["1", "2"] * 6
    assert run_together(*map(use, order)) == [expected(version, 1)[:3] for version in order]


FAILING = """
import bentoml
import half
raise RuntimeError("broken module")

class Broken(bentoml.BentoService):
    pass
"""


def test_load_when_the_module_raises_leaves_nothing_behind(
    project: Project, bundle_dir: Path, versions: Versions
) -> None:
    project.write(broken=FAILING.replace("raise", "#"), half="")
    save_to_dir(project.import_("broken").Broken(), bundle_dir)
    (bundle_dir / "Broken" / "broken.py").write_text(FAILING)
    versions.leave()
    project.forget("broken", "half")
    finders = list(sys.meta_path)
    with pytest.raises(RuntimeError, match="broken module"):
        load(bundle_dir, verify=False)
    assert "half" not in sys.modules
    assert "broken" not in sys.modules
    assert sys.meta_path == finders
    assert bundle_being_imported() is None


NESTED = """
import bentoml
import settings

class Outer(bentoml.BentoService):
    def __init__(self):
        super().__init__()
        self.inner = bentoml.load({path!r})

    def both(self):
        import late_settings
        return [settings.VERSION, late_settings.VERSION, *self.inner.count(0)]

at_import = bentoml.load({path!r}).count(0)
import more_settings
"""


def test_load_of_a_bundle_that_loads_another_keeps_them_apart(
    versions: Versions, project: Project, bundle_dir: Path
) -> None:
    inner = versions.save("1")
    project.forget("settings")
    project.write(
        outer=NESTED.format(path=str(inner)),
        settings="VERSION = 'outer'\n",
        late_settings="from settings import VERSION\n",
        more_settings="from settings import VERSION\n",
    )
    save_to_dir(project.import_("outer").Outer(), bundle_dir)
    versions.leave()
    project.forget("outer", "late_settings", "more_settings")
    outer = load(bundle_dir)
    assert outer.both() == ["outer", "outer", *expected("1", 1)]  # type: ignore[attr-defined]
    module = sys.modules["outer"]
    assert (module.at_import, module.more_settings.VERSION) == (expected("1", 1), "outer")


THREADED = """
import threading
import bentoml

class Threaded(bentoml.BentoService):
    pass

def work():
    import helper_of_thread
    found.append(helper_of_thread.VALUE)

found = []
thread = threading.Thread(target=work)
thread.start()
thread.join(20)
"""


def test_load_of_a_module_that_waits_for_a_thread_which_imports_does_not_hang(
    project: Project, bundle_dir: Path
) -> None:
    project.write(threaded=THREADED, helper_of_thread="VALUE = 7\n")
    save_to_dir(project.import_("threaded").Threaded(), bundle_dir)
    project.forget("threaded", "helper_of_thread")
    (project.root / "helper_of_thread.py").unlink()
    (project.root / "threaded.py").unlink()
    load_bento_service_class(bundle_dir)
    assert sys.modules["threaded"].found == [7]


REPLACES_ITSELF = """
import sys

class Lazy:
    VALUE = 3

sys.modules[__name__] = Lazy()
"""


def test_load_with_a_module_that_replaces_itself_keeps_the_replacement_to_the_bundle(
    project: Project, bundle_dir: Path
) -> None:
    project.write(
        lazy=REPLACES_ITSELF,
        user_of_lazy="import bentoml\nimport lazy\nclass User(bentoml.BentoService):\n    value = lazy.VALUE\n",
    )
    save_to_dir(project.import_("user_of_lazy").User(), bundle_dir)
    mine = sys.modules["lazy"]
    assert load(bundle_dir).value == 3  # type: ignore[attr-defined]
    assert sys.modules["lazy"] is mine


def test_dataclasses_and_enums_in_bundle_modules_work(project: Project, bundle_dir: Path) -> None:
    project.write(
        records=(
            "from __future__ import annotations\nimport dataclasses, enum, typing\n"
            "@dataclasses.dataclass(frozen=True)\nclass Point:\n    x: int\n    y: typing.ClassVar[int] = 2\n"
            "class Color(enum.Enum):\n    RED = 1\n"
        ),
        recorder="import bentoml, records\nclass Recorder(bentoml.BentoService):\n    at = records.Point(1)\n",
    )
    save_to_dir(project.import_("recorder").Recorder(), bundle_dir)
    project.forget("records", "recorder")
    service = load(bundle_dir)
    assert repr(service.at) == "Point(x=1)"  # type: ignore[attr-defined]


def test_a_name_outside_of_the_bundle_costs_no_lock(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f():\n    import json\n    return json\n")
    modules = BundleModules(tmp_path, [tmp_path])
    other = BundleModules(tmp_path, [tmp_path])
    mine = modules.import_service_module("mine")
    entered, finish = threading.Event(), threading.Event()

    def hold() -> None:
        with other.activated():
            entered.set()
            finish.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(20)
    try:
        assert mine.f().dumps([]) == "[]"
    finally:
        finish.set()
        thread.join(20)

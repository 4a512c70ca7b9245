"""Requirements of libraries whose code is saved, and extras that the project names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bentoml.saved_bundle import load, load_saved_bundle_config, save_to_dir
from bentoml.saved_bundle.requirements.requirement_record import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project
    from tests.saved_bundle.installed_files import SitePackages

LIBRARY = "whose code is in the bundle"


@pytest.fixture
def installed(site: SitePackages) -> SitePackages:
    """Distributions that others may require."""
    site.add("alpha", "1.0+cpu", "Provides-Extra: fast", "Requires-Dist: beta>=2; extra == 'fast'")
    site.add("beta", "2.0", files={"beta/__init__.py": ""})
    site.add(
        "gamma",
        "3.0",
        "Provides-Extra: fast",
        "Provides-Extra: slow",
        "Provides-Extra: newer",
        "Requires-Dist: beta; extra == 'fast'",
        "Requires-Dist: nowhere; extra == 'slow'",
        "Requires-Dist: beta>=3; extra == 'newer'",
        files={"gamma/__init__.py": ""},
    )
    return site


def saved(project: Project, bundle: Path, options: str = "infer_pip_packages=True", imports: str = "") -> list[str]:
    source = f"import bentoml\n{imports}\n@bentoml.env({options})\nclass Service(bentoml.BentoService): pass\n"
    project.write(svc=source)
    save_to_dir(project.import_("svc").Service(), bundle)
    return (bundle / "requirements.txt").read_text().splitlines()[1:]


def because(bundle: Path, requirement: str) -> list[str]:
    record = read_record(load_saved_bundle_config(bundle))
    return [str(reason) for one in record.kept if one.requirement == requirement for reason in one.because]


def editable(site: SitePackages, project: Project, name: str, *requires: str) -> None:
    """A library below the project, as `pip install -e` leaves it."""
    directory = project.root / "libs" / name
    (directory / name).mkdir(parents=True)
    (directory / name / "__init__.py").write_text("import beta\n")
    origin = {"url": directory.as_uri(), "dir_info": {"editable": True}}
    site.add(name, "0.1", *(f"Requires-Dist: {line}" for line in requires), origin=origin)


@pytest.mark.parametrize("is_editable", [True, False])
def test_requirements_of_a_library_from_a_directory_are_those_of_the_bundle_that_has_its_code(
    project: Project,
    installed: SitePackages,
    bundle_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_editable: bool,
) -> None:
    requires = [
        "alpha[fast]>=0.5",
        "beta>=1; python_version >= '3'",
        "winlib<2; sys_platform == 'aix'",
        "gamma; extra == 'more'",
        "bentoml",
        "mine",
    ]
    if is_editable:
        editable(installed, project, "mine", *requires)
        monkeypatch.syspath_prepend(str(project.root / "libs" / "mine"))
    else:
        origin = {"url": project.root.as_uri(), "dir_info": {}}
        headers = (f"Requires-Dist: {line}" for line in requires)
        installed.add("mine", "0.1", *headers, origin=origin, files={"mine/__init__.py": "import beta\n"})
    assert saved(project, bundle_dir, imports="import mine") == [
        "alpha[fast]==1.0",
        "beta==2.0",
        'winlib<2; sys_platform == "aix"',
    ]
    assert (bundle_dir / "Service" / "mine" / "__init__.py").is_file()
    assert because(bundle_dir, "alpha[fast]==1.0") == [f"requirement of mine, {LIBRARY}"]
    assert because(bundle_dir, "beta==2.0") == ["import of beta, mine/__init__.py:1", f"requirement of mine, {LIBRARY}"]
    assert caplog.messages == []


def test_requirements_of_a_library_are_kept_when_its_bundle_is_saved_again_elsewhere(
    project: Project, installed: SitePackages, bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editable(installed, project, "mine", "alpha[fast]", "winlib<2; sys_platform == 'aix'")
    monkeypatch.syspath_prepend(str(project.root / "libs" / "mine"))
    lines = saved(project, bundle_dir, imports="import mine")
    for path in installed.directory.glob("mine-*/*"):
        path.unlink()
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if not entry.startswith(str(project.root))])
    project.forget("svc", "mine")
    (tmp_path / "again").mkdir()
    save_to_dir(load(bundle_dir), tmp_path / "again")
    assert (tmp_path / "again" / "requirements.txt").read_text().splitlines()[1:] == lines
    assert because(tmp_path / "again", "alpha[fast]==1.0")[0] == f"requirement of mine, {LIBRARY}"


def test_requirements_of_a_library_under_a_condition_for_one_platform_stand_beside_those_for_another(
    project: Project, installed: SitePackages, bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = f"sys_platform == '{sys.platform}'", f"sys_platform != '{sys.platform}'"
    editable(installed, project, "mine", f"alpha; {here}", f"alpha<1; {there}", f"beta<1; {there}")
    monkeypatch.syspath_prepend(str(project.root / "libs" / "mine"))
    # beta is imported under no condition: another version of it for another platform would contradict that.
    assert saved(project, bundle_dir, imports="import mine") == [
        f'alpha==1.0; sys_platform == "{sys.platform}"',
        f'alpha<1; sys_platform != "{sys.platform}"',
        "beta==2.0",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("nowhere>=1", "nowhere is not installed here: requirement of mine"), ("not=a requirement", "cannot be read")],
)
def test_requirements_of_a_library_that_cannot_be_met_are_said(
    project: Project,
    installed: SitePackages,
    bundle_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    text: str,
    said: str,
) -> None:
    editable(installed, project, "mine", text)
    monkeypatch.syspath_prepend(str(project.root / "libs" / "mine"))
    lines = saved(project, bundle_dir, imports="import mine")
    assert lines == (["beta==2.0", "nowhere>=1"] if "nowhere" in text else ["beta==2.0"])
    assert said in caplog.text


FILES = [
    pytest.param("requirements.txt", "# mine\ngamma[fast]>=1 --hash=sha256:00  # quick\n", "line 2", id="requirements"),
    pytest.param(
        "pyproject.toml",
        "[project]\ndependencies = ['gamma[fast,fast]', 3]\n",
        "gamma[fast,fast]",
        id="pyproject",
        marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no tomllib"),
    ),
    pytest.param(
        "pyproject.toml",
        "[tool.poetry.dependencies]\npython = '^3'\nGamma = {version = '3', extras = ['fast']}\n",
        "Gamma[fast]",
        id="poetry",
        marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="no tomllib"),
    ),
]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("name", "text", "where"), FILES)
def test_extras_in_a_file_of_the_project_are_those_of_what_is_imported(
    project: Project, bundle_dir: Path, name: str, text: str, where: str
) -> None:
    project.write_file(name, text)
    assert saved(project, bundle_dir, imports="import gamma") == ["gamma[fast]==3.0"]
    assert because(bundle_dir, "gamma[fast]==3.0") == ["import of gamma, svc.py:2", f"{name}, {where}"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("extra", ["slow", "newer", "unheard-of"])
def test_extras_in_a_file_whose_distributions_are_not_here_are_left_out(
    project: Project, bundle_dir: Path, extra: str
) -> None:
    project.write_file("requirements.txt", f"alpha[fast]\ngamma[{extra}]\n")
    assert saved(project, bundle_dir, imports="import gamma") == ["gamma==3.0"]
    record = read_record(load_saved_bundle_config(bundle_dir))
    assert (f"gamma[{extra}]", "requirements.txt, line 2", "what the extra brings is not installed here") in {
        (one.name, one.place, one.rule) for one in record.left_out
    }


@pytest.mark.usefixtures("installed")
def test_extras_are_added_to_what_the_user_requires_and_to_nothing_when_not_asked_for(
    project: Project, bundle_dir: Path, tmp_path: Path
) -> None:
    project.write_file("requirements.txt", "gamma[fast]\n")
    both = "infer_pip_packages=True, pip_packages=['gamma>=2']"
    assert saved(project, bundle_dir, both, imports="import gamma") == ["gamma[fast]>=2"]
    project.forget("svc")
    (tmp_path / "off").mkdir()
    assert saved(project, tmp_path / "off", "pip_packages=['gamma>=2']", imports="import gamma") == ["gamma>=2"]


def test_requirements_of_the_project_of_the_service_give_extras_alone(
    project: Project, installed: SitePackages, bundle_dir: Path
) -> None:
    origin = {"url": project.root.as_uri(), "dir_info": {"editable": True}}
    requires = ("Requires-Dist: gamma[fast]>=1", "Requires-Dist: alpha")
    installed.add("shop", "0.1", *requires, origin=origin)
    assert saved(project, bundle_dir, imports="import gamma") == ["gamma[fast]==3.0"]
    assert because(bundle_dir, "gamma[fast]==3.0")[1] == "requirement of shop, the project of the service"


def test_pyproject_that_cannot_be_read_is_said(
    project: Project, bundle_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_file("pyproject.toml", "[project\n")
    assert saved(project, bundle_dir, imports="import click")[0].startswith("click==")
    assert ("pyproject.toml cannot be read, so the extras" in caplog.text) == (sys.version_info >= (3, 11))

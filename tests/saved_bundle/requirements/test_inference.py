"""Requirements: inferred from imports, pinned, and written without surprises."""

from __future__ import annotations

import importlib.metadata
import logging
from typing import TYPE_CHECKING

import pytest

import bentoml
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle import load, load_bento_service_metadata, save_to_dir
from bentoml.saved_bundle.code.sources import SourceTree
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.requirements.inference import in_every_environment, infer_requirements, inferred_from
from bentoml.saved_bundle.requirements.pinning import combined, pinned

if TYPE_CHECKING:
    from pathlib import Path

    from tests.saved_bundle.conftest import Project

WHEEL_LINE = f"./bundled_pip_dependencies/{WHEEL_NAME}"


def installed(name: str) -> str:
    return importlib.metadata.version(name).partition("+")[0]


@pytest.fixture
def torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Distributions with a local version, and two that share a namespace."""
    for name, version, files in (
        ("torch", "2.1.0+cpu", ["torch/__init__.py"]),
        ("cloud-storage", "3.0", ["google_/cloud/storage/__init__.py"]),
        ("cloud-query", "4.0", ["google_/cloud/query.py", "google_/cloud/query_extra.py"]),
    ):
        root = tmp_path / "libs"
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).touch()
        info = root / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    monkeypatch.syspath_prepend(str(tmp_path / "libs"))


PINNED = [
    pytest.param("pyyaml", f"pyyaml=={installed('pyyaml')}", None, id="bare"),
    pytest.param("PyYAML[extra,more]", f"PyYAML[extra,more]=={installed('pyyaml')}", "has no extra extra", id="extras"),
    pytest.param(
        "pyyaml; python_version>'3'", f'pyyaml=={installed("pyyaml")}; python_version > "3"', None, id="marker"
    ),
    pytest.param("pyyaml>=1", "pyyaml>=1", None, id="range that fits"),
    pytest.param("pyyaml==0.1", "pyyaml==0.1", "pyyaml==0.1 is required, but version", id="other version"),
    pytest.param("pyyaml<1", "pyyaml<1", "pyyaml<1 is required", id="range that does not fit"),
    pytest.param("not-there-at-all", "not-there-at-all", "not-there-at-all is not installed", id="not installed"),
    pytest.param("not-there-at-all==1", "not-there-at-all==1", None, id="not installed, with version"),
    pytest.param("winlib; sys_platform=='win32'", "winlib; sys_platform=='win32'", None, id="for another platform"),
    pytest.param("git+https://h/r@v1#egg=x", "git+https://h/r@v1#egg=x", None, id="repository"),
    pytest.param("x @ https://h/x.whl", "x @ https://h/x.whl", None, id="direct reference"),
    pytest.param("./wheels/x.whl", "./wheels/x.whl", None, id="path"),
    pytest.param("torch", "torch==2.1.0", None, id="local version"),
    pytest.param("torch==2.1.0+cpu", "torch==2.1.0+cpu", None, id="local version asked for"),
    pytest.param("torch==2.1.0", "torch==2.1.0", None, id="local version, pinned without"),
]


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize(("declared", "expected", "warning"), PINNED)
def test_pinned_gives_the_line_and_warns_where_it_must(
    caplog: pytest.LogCaptureFixture, declared: str, expected: str, warning: str | None
) -> None:
    assert pinned(declared) == expected
    assert bool(caplog.messages) == (warning is not None)
    assert (warning or "") in caplog.text


@pytest.mark.usefixtures("torch")
def test_requirements_of_finds_the_distribution_behind_a_module() -> None:
    tree = SourceTree(
        external={
            "yaml": ["a.py:1"],
            "yaml.nodes": ["a.py:2"],
            "sklearn": ["a.py:3"],
            "torch": ["b.py:1"],
            "google_.cloud.storage": ["b.py:2"],
            "pip": ["b.py:3"],
        }
    )
    found = inferred_from(tree).found
    assert [str(one) for one in found] == [
        "cloud-storage==3.0",
        f"PyYAML=={installed('pyyaml')}",
        f"scikit-learn=={installed('scikit-learn')}",
        "torch==2.1.0",
    ]
    assert [one.imports[0] for one in found] == [
        ("google_.cloud.storage", ("b.py:2",)),
        ("yaml", ("a.py:1",)),
        ("sklearn", ("a.py:3",)),
        ("torch", ("b.py:1",)),
    ]


@pytest.mark.usefixtures("torch")
def test_requirements_of_a_module_file_in_a_shared_namespace() -> None:
    assert [str(one) for one in inferred_from(SourceTree(external={"google_.cloud.query": ["a.py:1"]})).found] == [
        "cloud-query==4.0"
    ]


@pytest.mark.parametrize(("python", "has_setuptools"), [((3, 11), True), ((3, 12), False)])
def test_in_every_environment_are_setuptools_only_where_new_environments_have_it(
    python: tuple[int, int], has_setuptools: bool
) -> None:
    assert ("setuptools" in in_every_environment(python)) == has_setuptools
    assert {"bentoml", "pip"} <= in_every_environment(python)


def test_requirements_of_what_was_not_found_warns(caplog: pytest.LogCaptureFixture) -> None:
    tree = SourceTree(external={"copied_by_hand": ["b.py:2"]}, missing={"nowhere": ["a.py:7"]})
    assert inferred_from(tree).found == []
    assert "a.py:7 imports nowhere, which is not installed here" in caplog.text
    assert "b.py:2 imports copied_by_hand, which belongs to no installed distribution" in caplog.text


def test_combined_prefers_what_is_declared() -> None:
    inferred = inferred_from(SourceTree(external={"yaml": ["a.py:1"], "click": ["a.py:2"]})).found
    assert combined(["pyyaml>=5", "./x.whl"], inferred) == ["pyyaml>=5", "./x.whl", f"click=={installed('click')}"]


INFERRING = """
import bentoml
from bentoml.adapters import DataframeInput
import helper

@bentoml.env(infer_pip_packages={infer}, pip_packages={packages!r}, {more})
class Service(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, df):
        import yaml
        return helper.go(df)
"""


def save(project: Project, bundle: Path, *, infer: bool, packages: tuple[str, ...] = (), more: str = "") -> list[str]:
    project.write(
        svc=INFERRING.format(infer=infer, packages=list(packages), more=more), helper="import click\ngo = None\n"
    )
    save_to_dir(project.import_("svc").Service(), bundle)
    return (bundle / "requirements.txt").read_text().splitlines()


def test_save_with_inference_writes_pinned_requirements_after_the_wheel(project: Project, bundle_dir: Path) -> None:
    lines = save(project, bundle_dir, infer=True, packages=("httpx",))
    others = {f"{name}=={installed(name)}" for name in ("httpx", "pandas", "click", "PyYAML")}
    assert lines[0] == WHEEL_LINE
    assert set(lines[1:]) == others
    packages = load_bento_service_metadata(bundle_dir).env.pip_packages
    assert packages[0] == f"bentoml=={bentoml.__version__}"
    assert set(packages[1:]) == others


def test_save_without_inference_writes_what_is_declared(project: Project, bundle_dir: Path) -> None:
    lines = save(project, bundle_dir, infer=False, packages=("httpx",))
    assert lines == [WHEEL_LINE, f"httpx=={installed('httpx')}", f"pandas=={installed('pandas')}"]


def test_save_with_index_options_writes_them_first(project: Project, bundle_dir: Path) -> None:
    more = "pip_index_url='https://h/simple', pip_trusted_host='h', pip_extra_index_url='https://e/simple'"
    lines = save(project, bundle_dir, infer=False, more=more)
    assert lines[:4] == [
        "--index-url=https://h/simple",
        "--trusted-host=h",
        "--extra-index-url=https://e/simple",
        WHEEL_LINE,
    ]


def test_save_with_a_requirements_file_keeps_it_as_it_is(project: Project, bundle_dir: Path) -> None:
    text = "# mine\nnumpy  # any\n-r other.txt\n"
    path = project.write_file("requirements.txt", text)
    save(project, bundle_dir, infer=False, more=f"requirements_txt_file={str(path)!r}")
    assert (bundle_dir / "requirements.txt").read_text() == text
    assert load_bento_service_metadata(bundle_dir).env.requirements_txt == text
    assert "'numpy'" in (bundle_dir / "setup.py").read_text()


def test_save_with_another_bentoml_declared_leaves_it_out(
    project: Project, bundle_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    lines = save(project, bundle_dir, infer=False, packages=("bentoml==0.13.1",))
    assert lines == [WHEEL_LINE, f"pandas=={installed('pandas')}"]
    assert "bentoml==0.13.1 was left out" in caplog.text


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("_pip_index_url", "https://h\n--pre"),
        ("_pip_trusted_host", "h\rx"),
        ("_pip_extra_index_url", "h\x00"),
    ],
)
def test_save_with_an_option_of_two_lines_is_refused(
    project: Project, bundle_dir: Path, attribute: str, value: str
) -> None:
    service = project.greeter()
    setattr(service.env, attribute, value)
    with pytest.raises(InvalidArgument, match=r"cannot stand in requirements\.txt"):
        save_to_dir(service, bundle_dir)


def test_save_with_a_line_that_would_join_the_next_one_is_refused(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    service.env._pip_packages.append("click\\")
    with pytest.raises(InvalidArgument, match="its end would join the next line"):
        save_to_dir(service, bundle_dir)


OPTIONS = "pip_packages=['click --index-url https://evil', '-e .']"


def test_save_with_an_option_in_a_package_is_refused(project: Project, bundle_dir: Path) -> None:
    project.write(svc=f"import bentoml\n@bentoml.env({OPTIONS})\nclass Service(bentoml.BentoService): pass\n")
    service = project.import_("svc").Service()
    with pytest.raises(InvalidArgument, match="it has the option --index-url; use pip_index_url for that"):
        save_to_dir(service, bundle_dir)
    assert list(bundle_dir.iterdir()) == []


def test_load_of_an_older_bundle_with_an_option_in_a_package_works(project: Project, bundle_dir: Path) -> None:
    project.write(svc="import bentoml\nclass Service(bentoml.BentoService): pass\n")
    save_to_dir(project.import_("svc").Service(), bundle_dir)
    module = bundle_dir / "Service" / "svc.py"
    module.write_text(f"import bentoml\n@bentoml.env({OPTIONS})\nclass Service(bentoml.BentoService): pass\n")
    assert load(bundle_dir, verify=False).env._pip_packages == ["click --index-url https://evil", "-e ."]


@pytest.mark.parametrize(
    ("option", "warns"),
    [
        ("pip_index_url='https://me:secret@mirror.example/simple'", True),
        ("pip_extra_index_url='https://me:secret@mirror.example/simple'", True),
        ("pip_packages=['git+https://me:secret@mirror.example/r']", True),
        ("pip_index_url='https://${ME}:${SECRET}@mirror.example/simple'", False),
        ("pip_index_url='https://me@mirror.example:443/simple'", False),
    ],
)
def test_save_with_a_password_in_a_url_warns_without_repeating_it(
    project: Project, bundle_dir: Path, caplog: pytest.LogCaptureFixture, option: str, warns: bool
) -> None:
    project.write(svc=f"import bentoml\n@bentoml.env({option})\nclass Service(bentoml.BentoService): pass\n")
    save_to_dir(project.import_("svc").Service(), bundle_dir)
    told = [message for message in caplog.messages if message.startswith("the URL at mirror.example has a password")]
    assert len(told) == warns
    assert not any("secret" in message for message in told)


def test_infer_requirements_gives_versions_by_name(project: Project) -> None:
    project.write(svc=INFERRING.format(infer=False, packages=[], more=""), helper="import click\n")
    service = project.import_("svc").Service()
    assert infer_requirements(service) == {"click": installed("click"), "PyYAML": installed("pyyaml")}
    assert service.infer_pip_dependencies_map() == infer_requirements(service)


def test_save_changes_nothing_about_the_service(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    before = service.env.to_dict()
    save_to_dir(service, bundle_dir)
    assert service.env.to_dict() == before

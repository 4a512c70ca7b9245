"""Generated files: hostile values are quoted or refused, the shell scripts do what they say, pip reads the package."""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import importlib.util
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from bentoml._util import proc
from bentoml.exceptions import InvalidArgument
from bentoml.saved_bundle import save_to_dir
from bentoml.saved_bundle.dockerfile import (
    DockerfileFacts,
    code_directories,
    dockerfile_values,
    models_are_bigger,
)
from bentoml.saved_bundle.generated_files import (
    GeneratedFiles,
    checked_image,
    distribution_name,
    pep440_version,
    service_docs,
)
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.requirements.lock import any_machine, machine_name

if TYPE_CHECKING:
    from tests.saved_bundle.conftest import Project


def files(**changes: Any) -> GeneratedFiles:
    values: dict[str, Any] = {
        "service_name": "Greeter",
        "service_version": "1.0",
        "docs": "Greets.",
        "base_image": "python:3.11-slim",
        "conda_declared": False,
        "has_setup_sh": False,
        "library_wheel": f"./bundled_pip_dependencies/{WHEEL_NAME}",
        "requirements": ["numpy==2.0"],
        **changes,
    }
    return GeneratedFiles(**values)


def generated(root: Path, **changes: Any) -> Path:
    made = files(**changes)
    (root / made.service_name).mkdir(parents=True)
    made.write(root)
    return root


GOOD_IMAGES = [
    "python:3.12-slim",
    "condaforge/miniforge3",
    "registry.example.com:5000/team/some_image:v1.2-rc.1",
    "python@sha256:0123456789abcdef",
    "bentoml/model-server:0.13.1-py37",
]
BAD_IMAGES = [
    "",
    " python",
    "python:3 AS x",
    "python\nRUN curl evil | sh",
    "python\rRUN x",
    "python\tx",
    "$(touch /tmp/x)",
    "${IMAGE}",
    "`id`",
    "python;id",
    "python'",
    'python"',
    "python\\",
    "--platform=x",
    "-x",
    "/abs",
    "python#",
    "python|x",
    "python\u2028RUN x",
    "pythön",
    "a" * 600,
]


@pytest.mark.parametrize("image", GOOD_IMAGES)
def test_checked_image_of_a_name_gives_it(image: str) -> None:
    assert checked_image(image) == image


@pytest.mark.parametrize("image", BAD_IMAGES, ids=lambda image: ascii(image[:30]))
def test_checked_image_of_anything_else_is_refused(tmp_path: Path, image: str) -> None:
    with pytest.raises(InvalidArgument, match="is not the name of an image"):
        generated(tmp_path / "bundle", base_image=image)


@pytest.mark.parametrize("image", ["python;id", "python$(id)"])
def test_save_with_a_hostile_base_image_leaves_nothing(project: Project, bundle_dir: Path, image: str) -> None:
    service = project.greeter()
    service.env._docker_base_image = image
    with pytest.raises(InvalidArgument, match="is not the name of an image"):
        save_to_dir(service, bundle_dir)
    assert list(bundle_dir.iterdir()) == []


HOSTILE = [
    "'; import os; os.system('touch pwned'); '",
    '"""\nimport os\nos.system("touch pwned")\n"""',
    "\\",
    "\\'",
    "a\nb",
    "\r\n",
    "{NAME}",
    "@@name@@",
    "$(touch pwned)",
    "`touch pwned`",
    "\u2028import os",
    "\x00",
    "\ud800",
    "ünïcode",
]


def literals(text: str) -> set[Any]:
    """The constants of Python source, which must parse."""
    return {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_python_files_with_hostile_values_hold_them_as_plain_text(text: str) -> None:
    made = files(service_version=text, library_wheel=text)
    assert text in literals(made._package_init())
    assert text in literals(made._setup_py())
    statements = [type(node) for node in ast.parse(made._setup_py()).body]
    assert statements == [type(node) for node in ast.parse(files()._setup_py()).body]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_version_that_no_service_has_is_refused_before_it_reaches_the_dockerfile(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid BentoService version"):
        generated(tmp_path / "bundle", service_version=text)
    assert not (tmp_path / "bundle" / "Dockerfile").exists()


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isprintable()], ids=ascii)
def test_readme_holds_docs_as_they_are(tmp_path: Path, text: str) -> None:
    assert text in (generated(tmp_path / "bundle", docs=text) / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_shell_and_docker_files_hold_nothing_of_the_service(tmp_path: Path, text: str) -> None:
    root = generated(tmp_path / "bundle", docs=text, requirements=[text])
    reference = generated(tmp_path / "reference")
    for name in ("Dockerfile", "docker-entrypoint.sh", "bentoml-init.sh", "MANIFEST.in"):
        assert (root / name).read_bytes() == (reference / name).read_bytes()


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["numpy==2.0", "# c", "", "-r other.txt", "--index-url=https://h", "./x.whl"], ["numpy==2.0"]),
        (["numpy  # why", "bentoml==0.13.1", "BentoML"], ["numpy"]),
        (["x @ https://h/x.whl", "y[a,b]>=1; python_version>'3'"], None),
        (["numpy'; import os"], []),
    ],
)
def test_setup_py_lists_what_can_stand_in_metadata(tmp_path: Path, lines: list[str], kept: list[str] | None) -> None:
    text = (generated(tmp_path / "bundle", requirements=lines) / "setup.py").read_text()
    found = ast.literal_eval(re.search(r"^REQUIREMENTS = (.*)$", text, re.MULTILINE)[1])  # type: ignore[index]
    assert [str(Requirement(line)) for line in found] == found
    assert found == kept if kept is not None else len(found) == len(lines)


VERSIONS = [
    ("1.0", "1.0"),
    ("20210315141834_08BDA2", "20210315141834+08bda2"),
    ("2.1.20210315141834_08BDA2", "2.1.20210315141834+08bda2"),
    ("1.2.0-rc.1+build.7", "1.2.0rc1+build.7"),
    ("1.2.3-alpha-x.7", "1.2.3+alpha.x.7"),
    ("main-4f2c", "0+main.4f2c"),
    ("v1", "1"),
    ("...x", "0+x"),
    ("_", "0"),
    ("1.2.", "1.2"),
    ("0x-._.-9", "0+x.9"),
]


@pytest.mark.parametrize(("version", "expected"), VERSIONS)
def test_pep440_version_of_a_service_version_is_one_that_pip_reads(version: str, expected: str) -> None:
    assert pep440_version(version) == expected
    Version(pep440_version(version))


@pytest.mark.parametrize(
    ("name", "expected"), [("Iris", "Iris"), ("_Iris_", "Iris"), ("Größe", "Gr_e"), ("模型", "bento_service")]
)
def test_distribution_name_is_one_that_pip_allows(name: str, expected: str) -> None:
    assert distribution_name(name) == expected


def test_service_docs_are_those_of_the_class_itself(project: Project) -> None:
    service = project.greeter()
    assert service_docs(service) == "Greets."
    bare = type("Bare", (type(service),), {})
    assert service_docs(bare()) == ""


def test_dockerfile_sets_modes_before_the_user_and_installs_before_it_copies(tmp_path: Path) -> None:
    needs = ["lightgbm==4.0", "x @ git+https://h/x.git"]
    root = generated(tmp_path / "bundle", has_setup_sh=True, requirements=needs)
    lines = (root / "Dockerfile").read_text().splitlines()

    def at(text: str) -> int:
        return next(index for index, line in enumerate(lines) if text in line)

    assert lines[1] == "FROM python:3.11-slim AS base"
    order = [
        "make_user",
        "install_system_packages",
        "ENV EXTRA_PIP_INSTALL_ARGS=$EXTRA_PIP_INSTALL_ARGS",
        "COPY setup.sh",
        "custom_setup",
        "ensure_python",
        "restore_conda_env",
        "FROM base AS packages",
        "install_build_packages",
        "COPY requirements.*",
        "install_pip_packages",
        "install_bundled_pip_packages",
        "COPY --from=packages",
        'COPY --chown=bentoml:bentoml [".", "./"]',
        "EXPOSE 5000",
        "USER bentoml",
        'ENTRYPOINT ["./docker-entrypoint.sh"]',
        'CMD ["bentoml", "serve-gunicorn", "./"]',
    ]
    assert [at(text) for text in order] == sorted(at(text) for text in order)
    assert "FROM base" in lines
    assert max(index for index, line in enumerate(lines) if "chmod" in line) < at("USER bentoml")
    for text in (
        "ARG EXTRA_PIP_INSTALL_ARGS=",
        "ARG UID=1034",
        "ARG GID=1034",
        "ARG BUNDLE_PATH=/home/bentoml/bundle",
        "ENV BENTOML_HOME=/home/bentoml/",
        "WORKDIR $BUNDLE_PATH",
    ):
        assert text in lines


def with_big_models(tmp_path: Path, *directories: str) -> Path:
    root = tmp_path / "bundle"
    for name in ("artifacts", *directories):
        (root / "Greeter" / name).mkdir(parents=True)
    (root / "Greeter" / "artifacts" / "model.bin").write_bytes(bytes(100_000))
    return root


def test_dockerfile_of_big_models_copies_them_before_the_code_and_once(tmp_path: Path) -> None:
    root = with_big_models(tmp_path, "shop", "__pycache__", "größe")
    files().write(root)
    lines = (root / "Dockerfile").read_text().splitlines()
    start = 'COPY --chown=bentoml:bentoml ["'
    assert [json.loads(line.removeprefix(start[:-2])) for line in lines if line.startswith(start)] == [
        ["Greeter/artifacts", "./Greeter/artifacts"],
        ["bundled_pip_dependencies", "./bundled_pip_dependencies"],
        ["Greeter/größe", "./Greeter/größe"],
        ["Greeter/shop", "./Greeter/shop"],
        ["[A-Za-z]*.*", "Dockerfile", "python_version", "SHA256SUMS*", "./"],
        ["Greeter/*.*", "Greeter/SHA256SUMS*", "./Greeter/"],
    ]


@pytest.mark.parametrize("name", ["a b", 'a", "/etc', "--from=x", "$HOME", "*", "a\nRUN id", "\u2028"], ids=ascii)
def test_dockerfile_of_big_models_with_a_hostile_directory_is_refused(tmp_path: Path, name: str) -> None:
    root = with_big_models(tmp_path)
    (root / "Greeter" / name).mkdir(parents=True)
    with pytest.raises(InvalidArgument, match="is no Python package"):
        files().write(root)
    assert not (root / "Dockerfile").exists()


def test_dockerfile_of_big_models_copies_every_file_of_a_bundle(project: Project, bundle_dir: Path) -> None:
    service = project.greeter()
    service.env._setup_sh = "true"
    save_to_dir(service, bundle_dir)
    package = bundle_dir / service.name
    (package / "artifacts").mkdir(exist_ok=True)
    (package / "artifacts" / "model.bin").write_bytes(bytes(20_000_000))
    for signed in (bundle_dir, package):
        (signed / "SHA256SUMS.sig").touch()
    values = dockerfile_values(
        DockerfileFacts(
            service_name=service.name,
            service_version="1",
            base_image="python",
            has_setup_sh=True,
            has_system_packages=False,
            has_build_packages=False,
            models_are_bigger=models_are_bigger(bundle_dir, service.name),
            code_directories=code_directories(bundle_dir, service.name),
        )
    )
    words = [json.loads(line.partition("bentoml:bentoml ")[2]) for line in values["copy_bundle"].splitlines()]
    copied = [found for sources in words for source in sources[:-1] for found in bundle_dir.glob(source)]
    assert {path for path in bundle_dir.rglob("*") if path.is_file() and "__pycache__" not in path.parts} == {
        path for found in copied for path in ([found] if found.is_file() else found.rglob("*")) if path.is_file()
    }


def test_dockerfile_says_whose_image_it_is(tmp_path: Path) -> None:
    text = (generated(tmp_path / "bundle", service_version="1.2.0-rc.1+build.7") / "Dockerfile").read_text()
    assert (
        'LABEL org.opencontainers.image.title="Greeter" org.opencontainers.image.version="1.2.0-rc.1+build.7" '
        'com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"\n' in text
    )
    assert "@@" not in text


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A bundle's scripts beside a `bin` with programs that only say how they were called."""
    root = generated(tmp_path / "bundle", conda_declared=True)
    (root / "python_version").write_text("3.11.7")
    (root / "bundled_pip_dependencies").mkdir()
    (root / "bundled_pip_dependencies" / "a b.whl").touch()
    script = root / "bentoml-init.sh"
    places = {"ENVIRONMENT=/opt/bentoml": f"ENVIRONMENT={root}/environment", "ETC=/etc": f"ETC={root}/etc"}
    text = script.read_text()
    for line, replaced in {**places, "SECRETS=/run/secrets": f"SECRETS={root}/secrets"}.items():
        assert text.count(f"\n{line}\n") == 1
        text = text.replace(f"\n{line}\n", f"\n{replaced}\n")
    script.write_text(text)
    program(root, "bentoml")
    # The present version is asked with `python -c`.
    program(root, "python", '[ "$1" = -c ] && echo "$PRESENT" && exit')
    return root


def program(root: Path, name: str, first: str = "") -> None:
    path = root / "bin" / name
    path.parent.mkdir(exist_ok=True)
    said = "port=${BENTOML_PORT:-}${PIP_CONFIG_FILE:+ pip=$PIP_CONFIG_FILE}${NETRC:+ netrc=$NETRC}"
    path.write_text(f'#!/bin/sh\n{first}\necho {name} "$(printf "[%s]" "$@")" "{said}"\n')
    path.chmod(0o755)


def run(image: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"./{argv[0]}", *argv[1:]],
        cwd=image,
        env={"PATH": f"{image}/bin:/usr/bin:/bin", "BUNDLE_PATH": "/b u", "PRESENT": "3.11", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


ENTRYPOINTS = [
    pytest.param([], {}, "bentoml [serve-gunicorn][/b u] port=", id="nothing"),
    pytest.param(["--workers", "1"], {}, "bentoml [serve-gunicorn][--workers][1][/b u] port=", id="options"),
    pytest.param(["bentoml", "info", "./"], {}, "bentoml [info][./] port=", id="command"),
    pytest.param(["echo", "$(id) 'x'"], {}, "$(id) 'x'", id="other command"),
    pytest.param([], {"PORT": "80"}, "bentoml [serve-gunicorn][/b u] port=80", id="PORT"),
    pytest.param([], {"PORT": "80; id"}, "bentoml [serve-gunicorn][/b u] port=80; id", id="hostile PORT"),
    pytest.param([], {"PORT": "", "BENTOML_PORT": "7"}, "bentoml [serve-gunicorn][/b u] port=7", id="empty PORT"),
]


SAGEMAKER = {"API_NAME": "predict", "BENTOML_GUNICORN_TIMEOUT": "30", "BENTOML_GUNICORN_NUM_OF_WORKERS": "2"}
SETTINGS = "BENTOML__BENTO_SERVER__SAGEMAKER__ENABLED BENTOML__BENTO_SERVER__SAGEMAKER__API_NAME "
SETTINGS += "BENTOML__BENTO_SERVER__TIMEOUT BENTOML_GUNICORN_WORKERS"


@pytest.mark.parametrize(
    ("argv", "env", "expected", "settings"),
    [
        pytest.param([], {}, "[--port][8080]", "true|unset|unset|unset", id="nothing more"),
        pytest.param([], SAGEMAKER, "[--port][8080]", "true|predict|30|2", id="variables"),
        pytest.param([], {"SAGEMAKER_BIND_TO_PORT": "9"}, "[--port][9]", "true|unset|unset|unset", id="other port"),
        pytest.param([], {"PORT": "80"}, "[--port][8080]", "true|unset|unset|unset", id="PORT of others"),
        pytest.param(["--preload"], {}, "[--port][8080][--preload]", "true|unset|unset|unset", id="options"),
    ],
)
def test_docker_entrypoint_serves_sagemaker(
    image: Path, argv: list[str], env: dict[str, str], expected: str, settings: str
) -> None:
    shown = "".join(f"${{{name}-unset}}|" for name in SETTINGS.split()).rstrip("|")
    program(image, "bentoml", f'echo "{shown}"')
    done = run(image, "docker-entrypoint.sh", "serve", *argv, **env)
    assert done.returncode == 0
    said, called = done.stdout.splitlines()
    assert said == settings
    assert called.startswith(f"bentoml [serve-gunicorn]{expected}[/b u] ")


@pytest.mark.parametrize(("argv", "env", "expected"), ENTRYPOINTS)
def test_docker_entrypoint_starts_what_it_was_asked(
    image: Path, argv: list[str], env: dict[str, str], expected: str
) -> None:
    done = run(image, "docker-entrypoint.sh", *argv, **env)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, "")


def test_init_script_runs_setup_sh_only_when_there_is_one(image: Path) -> None:
    assert run(image, "bentoml-init.sh", "custom_setup").stdout == ""
    (image / "setup.sh").write_text("echo set up\n")
    assert run(image, "bentoml-init.sh", "custom_setup").stdout == "set up\n"
    (image / "setup.sh").write_text("#!/bin/sh\nexit 3\n")
    assert run(image, "bentoml-init.sh", "custom_setup").returncode == 3


PYTHONS = [
    pytest.param("3.11.7", "3.11", False, 0, "", id="same"),
    pytest.param("3.10.2", "3.1", False, 1, "needs Python 3.10, but the base image has 3.1", id="two digits"),
    pytest.param("3.12.0", "3.11", False, 1, "needs Python 3.12", id="other, no conda"),
    pytest.param("3.12.0", "3.11", True, 0, "[install][--yes][--name][base][python=3.12][pip]", id="other, conda"),
]


@pytest.mark.parametrize(("wanted", "present", "conda", "code", "output"), PYTHONS)
def test_init_script_ensures_the_python(
    image: Path, wanted: str, present: str, conda: bool, code: int, output: str
) -> None:
    (image / "python_version").write_text(wanted)
    if conda:
        program(image, "conda")
    done = run(image, "bentoml-init.sh", "ensure_python", PRESENT=present)
    assert done.returncode == code
    assert output in done.stdout + done.stderr


def test_init_script_never_skips_declared_conda_dependencies_silently(image: Path) -> None:
    done = run(image, "bentoml-init.sh", "restore_conda_env")
    assert (done.returncode, done.stdout) == (1, "")
    assert "declares conda dependencies, but the base image has no conda" in done.stderr
    program(image, "conda")
    assert (
        "conda [env][update][--name][base][--file][environment.yml]"
        in run(image, "bentoml-init.sh", "restore_conda_env").stdout
    )


def test_init_script_without_declared_conda_dependencies_does_nothing(tmp_path: Path) -> None:
    root = generated(tmp_path / "plain")
    assert run(root, "bentoml-init.sh", "restore_conda_env").returncode == 0


REMOVES_TESTS = "python [-][numpy][pandas][pyarrow][scipy][sklearn] port="


def made_environment(image: Path) -> None:
    """An environment whose Python only says how it was called."""
    (image / "environment").mkdir()
    shutil.copytree(image / "bin", image / "environment" / "bin")


def test_init_script_makes_an_environment_that_sees_what_the_image_has(image: Path) -> None:
    done = run(image, "bentoml-init.sh", "install_pip_packages")
    assert f"python [-m][venv][--system-site-packages][--without-pip][{image}/environment]" in done.stdout


def test_init_script_installs_packages_with_the_extra_arguments(image: Path) -> None:
    made_environment(image)
    extra = "--index-url https://h/simple"
    done = run(image, "bentoml-init.sh", "install_pip_packages", EXTRA_PIP_INSTALL_ARGS=extra)
    assert done.stdout.splitlines() == [
        "python [-m][pip][install][--no-input][--index-url][https://h/simple][-r][requirements.txt] port=",
        REMOVES_TESTS,
    ]
    done = run(image, "bentoml-init.sh", "install_bundled_pip_packages")
    assert done.stdout == "python [-m][pip][install][--no-input][./bundled_pip_dependencies/a b.whl] port=\n"


def test_init_script_removes_tests_of_large_packages_and_of_no_others(image: Path) -> None:
    made_environment(image)
    (image / "environment" / "bin" / "python").write_text(f'#!/bin/sh\n[ "$1" != - ] || exec {sys.executable} "$@"\n')
    script = image / "bentoml-init.sh"
    script.write_text(script.read_text().replace("sysconfig.get_path(kind)", f"{str(image)!r}, kind"))
    for kind, package in itertools.product(("purelib", "platlib"), ("numpy", "scipy/stats", "mine", "numpy_like")):
        (image / kind / package / "tests" / "data").mkdir(parents=True)
        (image / kind / package / "tests" / "data" / "x").touch()
    (image / "purelib" / "numpy" / "tests.py").touch()
    done = run(image, "bentoml-init.sh", "install_pip_packages")
    assert (done.returncode, done.stderr) == (0, "")
    found = {path.relative_to(image).as_posix() for path in image.glob("p*lib/**/tests*")}
    assert found == {
        "purelib/numpy/tests.py",
        *(f"{kind}/{package}/tests" for kind in ("purelib", "platlib") for package in ("mine", "numpy_like")),
    }


LOCK_LINES = "# made for: {machine}\n./bundled_pip_dependencies/a.whl{hashes}\n"
HASH = f" \\\n    --hash=sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("lock", "arguments", "said"),
    [
        (LOCK_LINES.format(machine="3.11", hashes=HASH), "[--require-hashes][-r][requirements.lock]", ""),
        (LOCK_LINES.format(machine="3.11", hashes=""), "[-r][requirements.txt]", ""),
        (
            LOCK_LINES.format(machine="3.12", hashes=HASH),
            "[-r][requirements.txt]",
            (
                "requirements.lock is for 3.12, and this is 3.11; without hashes, requirements.txt is installed; "
                "for a lock that fits: bentoml env lock BENTO --platform any\n"
            ),
        ),
        (LOCK_LINES.format(machine="$(touch pwned)", hashes=HASH), "[-r][requirements.txt]", None),
        (HASH, "[-r][requirements.txt]", None),
    ],
)
def test_init_script_installs_a_lock_that_has_hashes_for_this_machine(
    image: Path, lock: str, arguments: str, said: str | None
) -> None:
    made_environment(image)
    (image / "requirements.lock").write_text(lock)
    done = run(image, "bentoml-init.sh", "install_pip_packages")
    assert done.stdout.splitlines() == [f"python [-m][pip][install][--no-input]{arguments} port=", REMOVES_TESTS]
    assert said is None or done.stderr.removeprefix("bentoml-init.sh: ") == said
    assert not (image / "pwned").exists()


def test_init_script_and_lock_call_the_machine_by_the_same_name(image: Path) -> None:
    code = re.search(r"machine_name\(\) \{\n.* -c '(.*)'\n\}", (image / "bentoml-init.sh").read_text())
    assert code is not None
    assert proc.run([sys.executable, "-c", code[1]]).stdout == f"{machine_name()}\n"
    code = re.search(r"any_machine\(\) \{\n.* -c '(.*)'\n\}", (image / "bentoml-init.sh").read_text())
    assert code is not None
    minor = "{}.{}".format(*sys.version_info[:2])
    assert proc.run([sys.executable, "-c", code[1]]).stdout == f"{any_machine(minor)}\n"


@pytest.mark.parametrize(
    ("made_for", "taken"), [(any_machine("3.11"), True), (any_machine("3.12"), False), (any_machine("3.1"), False)]
)
def test_init_script_installs_a_lock_for_every_machine_with_this_python(
    image: Path, made_for: str, taken: bool
) -> None:
    made_environment(image)
    (image / "requirements.lock").write_text(LOCK_LINES.format(machine=made_for, hashes=HASH))
    python = image / "bin" / "python"
    asked = 'case "$2" in *"on any machine"*) echo "Python $PRESENT on any machine"; exit;; esac'
    python.write_text(python.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{asked}\n"))
    done = run(image, "bentoml-init.sh", "install_pip_packages")
    assert ("[--require-hashes]" in done.stdout) is taken


def labels_of(dockerfile: Path) -> dict[str, str]:
    (line,) = (line for line in dockerfile.read_text().splitlines() if line.startswith("LABEL "))
    return dict(re.findall(r'([\w.]+)="([^"]*)"', line))


def test_dockerfile_of_a_saved_bundle_has_its_bill_of_materials(project: Project, bundle_dir: Path) -> None:
    save_to_dir(project.greeter(), bundle_dir)
    labels = labels_of(bundle_dir / "Dockerfile")
    sbom = (bundle_dir / "sbom.cdx.json").read_bytes()
    assert gzip.decompress(base64.b64decode(labels["org.bentoml.sbom"], validate=True)) == sbom
    assert labels["org.bentoml.sbom.sha256"] == hashlib.sha256(sbom).hexdigest()


def test_dockerfile_with_a_bill_that_no_line_holds_has_its_digest(tmp_path: Path) -> None:
    root = tmp_path / "bundle"
    root.mkdir()
    sbom = random.Random(1).randbytes(40_000)
    (root / "sbom.cdx.json").write_bytes(sbom)
    labels = labels_of(generated(root) / "Dockerfile")
    assert labels["org.bentoml.sbom.sha256"] == hashlib.sha256(sbom).hexdigest()
    assert "org.bentoml.sbom" not in labels


def test_init_script_refuses_extra_arguments_with_credentials_and_does_not_repeat_them(image: Path) -> None:
    extra = "--index-url https://ada:hunter2@h/simple"
    for step in ("custom_setup", "install_pip_packages"):
        done = run(image, "bentoml-init.sh", step, EXTRA_PIP_INSTALL_ARGS=extra)
        assert (done.returncode, done.stdout) == (1, "")
        assert "EXTRA_PIP_INSTALL_ARGS has an address with credentials" in done.stderr
        assert "hunter2" not in done.stderr


def test_init_script_hands_secrets_to_setup_sh_and_conda_too(image: Path) -> None:
    program(image, "conda")
    (image / "setup.sh").write_text("conda install\n")
    (image / "secrets").mkdir()
    (image / "secrets" / "netrc").touch()
    for step in ("custom_setup", "restore_conda_env"):
        assert f" netrc={image}/secrets/netrc" in run(image, "bentoml-init.sh", step).stdout


def test_init_script_hands_secrets_to_pip_when_there_are_some(image: Path) -> None:
    made_environment(image)
    (image / "secrets").mkdir()
    (image / "secrets" / "netrc").touch()
    (image / "secrets" / "pip_config").touch()
    done = run(image, "bentoml-init.sh", "install_pip_packages")
    assert done.stdout.endswith(f"port= pip={image}/secrets/pip_config netrc={image}/secrets/netrc\n")


@pytest.mark.parametrize("ids", ["1034:1034; touch pwned", "$(touch pwned):1", "x:1", ":", "1:", "-1:1", "1:1:1"])
def test_init_script_with_an_id_that_is_no_number_fails(image: Path, ids: str) -> None:
    (image / "etc").mkdir()
    done = run(image, "bentoml-init.sh", "make_user", USER_AND_GROUP=ids, BENTOML_HOME=str(image / "home"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "UID and GID are numbers" in done.stderr
    assert list((image / "etc").iterdir()) == []
    assert not (image / "pwned").exists()


def test_init_script_makes_the_user_once(image: Path) -> None:
    (image / "etc").mkdir()
    (image / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (image / "etc" / "group").write_text("root:x:0:\n")
    program(image, "chown")
    home = image / "home"
    for ids in ("7:8", "9:9"):
        done = run(image, "bentoml-init.sh", "make_user", USER_AND_GROUP=ids, BENTOML_HOME=str(home))
        assert done.stdout == f"chown [bentoml:bentoml][{home}] port=\n"
    assert (image / "etc" / "passwd").read_text().splitlines()[1:] == [f"bentoml:x:7:8::{home}:/bin/sh"]
    assert (image / "etc" / "group").read_text().splitlines()[1:] == ["bentoml:x:8:"]


def test_init_script_installs_system_packages_with_apt_where_there_is_one(tmp_path: Path) -> None:
    root = generated(tmp_path / "bundle", requirements=["lightgbm==4.0", "opencv-python"])
    (root / "bin").mkdir()
    bare = {"PATH": str(root / "bin")}
    done = run(root, "bentoml-init.sh", "install_system_packages", **bare)
    assert (done.returncode, done.stdout) == (0, "")
    assert "the base image has no apt-get, so these are not installed: libgl1 libglib2.0-0 libgomp1" in done.stderr
    program(root, "apt-get")
    program(root, "rm")
    done = run(root, "bentoml-init.sh", "install_system_packages")
    assert done.stdout.splitlines()[:2] == [
        "apt-get [update] port=",
        "apt-get [install][--yes][--no-install-recommends][libgl1][libglib2.0-0][libgomp1] port=",
    ]
    assert run(root, "bentoml-init.sh", "install_build_packages").stdout == ""


@pytest.mark.parametrize("step", ["fail", "rm -rf /", "", "$(touch pwned)"])
def test_init_script_with_an_unknown_step_fails(image: Path, step: str) -> None:
    done = run(image, "bentoml-init.sh", step)
    assert done.returncode == 1
    assert "there is no step" in done.stderr
    assert not (image / "pwned").exists()


def test_scripts_are_posix_shell(tmp_path: Path) -> None:
    root = generated(tmp_path / "bundle")
    for name in ("docker-entrypoint.sh", "bentoml-init.sh"):
        assert proc.run(["sh", "-n", str(root / name)]).returncode == 0
        assert os.access(root / name, os.X_OK)


@pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="setuptools is not installed")
def test_bundle_builds_into_a_package_that_loads(project: Project, bundle_dir: Path, tmp_path: Path) -> None:
    project.write(words____init__="", words__deep__hello="WORD = 'hello'")
    source = project.root / "greeter.py"
    service = project.greeter()
    project.write(greeter=f"from words.deep.hello import WORD\n{source.read_text()}")
    save_to_dir(service, bundle_dir, version="2021_AB")
    built = tmp_path / "built"
    # Setuptools warns of its own future; the build is what counts here.
    argv = [sys.executable, "-W", "ignore", "setup.py", "-q", "build", "--build-base", str(tmp_path / "b")]
    proc.run([*argv, "--build-lib", str(built)], cwd=bundle_dir, check=True, timeout_s=120)
    shutil.rmtree(bundle_dir)
    code = (
        "import Greeter\n"
        "print(Greeter.__version__, Greeter.Greeter.__name__, Greeter.load().greet('you'), Greeter.cli.name)\n"
    )
    done = proc.run([sys.executable, "-c", code], cwd=built, check=True)
    assert done.stdout.split() == ["2021_AB", "Greeter", "hello", "you", "Greeter"]
    assert done.stderr == ""

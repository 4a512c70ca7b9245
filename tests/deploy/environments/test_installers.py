"""Which installer is taken, and how each is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from bentoml.deploy.environment.installers import Installation, Installer, PipInstaller, UvInstaller, choose_installer
from bentoml.deploy.environment.interpreters import Interpreter
from bentoml.deploy.environment.requirement_lines import Package, RequirementLines
from bentoml.exceptions import BentoMLException, InvalidArgument

PYTHON = Interpreter("/usr/bin/python3.12", "3.12.1", "/usr", "cpython-312-x86_64-linux-gnu x86_64")
LINES = RequirementLines(
    (("--index-url", "https://h.example/simple"), ("--trusted-host", "h.example"), ("--pre", None)),
    (Package("numpy==2.0", ("sha256:ab",)), Package("tiny @ file:///b/tiny-1-py3-none-any.whl", ("sha256:cd",))),
)
INSTALLATION = Installation(Path("/e"), Path("/e/r.txt"), LINES, only_wheels=True)

OPTIONS_OF_PIP = "--require-hashes --only-binary=:all: -r /e/r.txt"
OPTIONS_OF_UV = "--require-hashes --no-build --allow-insecure-host=h.example --prerelease=allow -r /e/r.txt"


def shown(installer: Installer, installation: Installation) -> list[str]:
    return [" ".join(step.argv) for step in installer.steps(PYTHON, installation)]


def test_pip_is_called_once_inside_of_a_new_environment() -> None:
    assert shown(PipInstaller(), INSTALLATION) == [
        "/usr/bin/python3.12 -I -m venv /e",
        f"/e/bin/python -m pip install --no-input --progress-bar=off --no-warn-script-location {OPTIONS_OF_PIP}",
    ]
    assert PipInstaller().text(INSTALLATION) == (
        "--index-url https://h.example/simple\n--trusted-host h.example\n--pre\nnumpy==2.0 --hash=sha256:ab\n"
        "tiny @ file:///b/tiny-1-py3-none-any.whl --hash=sha256:cd\n"
    )


def test_uv_gets_on_its_command_line_what_it_does_not_read() -> None:
    assert shown(UvInstaller("/bin/uv", {}), INSTALLATION) == [
        "/bin/uv venv --quiet --no-project --allow-existing --python /usr/bin/python3.12 /e",
        f"/bin/uv pip install --no-progress --python /e/bin/python {OPTIONS_OF_UV}",
    ]
    assert UvInstaller("/bin/uv", {}).text(INSTALLATION) == (
        "--index-url https://h.example/simple\nnumpy==2.0 --hash=sha256:ab\n"
        "tiny @ file:///b/tiny-1-py3-none-any.whl --hash=sha256:cd\n"
    )


def program(directory: Path) -> dict[str, str]:
    """Variables with a PATH that has a uv, and no settings of pip but its own."""
    uv = directory / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    return {"PATH": str(directory), "PIP_CONFIG_FILE": "/dev/null"}


def test_choose_installer_takes_uv_where_it_can_do_what_pip_was_told(tmp_path: Path) -> None:
    with_uv = {**program(tmp_path), "PIP_INDEX_URL": "https://h.example"}
    installer, reason = choose_installer(environ=with_uv)
    assert (installer.name, reason) == ("uv", None)
    assert isinstance(installer, UvInstaller)
    assert installer.variables == {"UV_DEFAULT_INDEX": "https://h.example", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    installer, reason = choose_installer(environ={**with_uv, "PIP_CLIENT_CERT": "/me.pem"})
    assert (installer.name, reason) == ("pip", "uv has no equal to the setting client-cert of pip")
    assert choose_installer("pip", environ=with_uv) == (PipInstaller(), None)
    assert choose_installer(environ={"PATH": "/nothing"}) == (PipInstaller(), None)


def test_choose_installer_leaves_constraints_out_where_all_versions_are_fixed(tmp_path: Path) -> None:
    """uv refuses them there."""
    environ = {**program(tmp_path), "PIP_CONSTRAINT": "/c.txt"}
    for is_fixed in (False, True):
        installer, _ = choose_installer(has_hashes=is_fixed, environ=environ)
        assert isinstance(installer, UvInstaller)
        assert ("UV_CONSTRAINT" in installer.variables) is not is_fixed


def test_choose_installer_says_why_it_cannot(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no installer 'poetry'; take one of uv, pip"):
        choose_installer("poetry")
    with pytest.raises(BentoMLException, match="uv is not on PATH; install it"):
        choose_installer("uv", environ={"PATH": "/nothing"})
    with pytest.raises(BentoMLException, match="uv has no equal to the setting client-cert of pip; take --installer"):
        choose_installer("uv", environ={**program(tmp_path), "PIP_CLIENT_CERT": "/me.pem"})

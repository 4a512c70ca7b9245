"""`bentoml env` and `--isolated`, in real processes and real environments."""

from __future__ import annotations

import fcntl
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bentoml._util.archives import pack_tar
from bentoml.deploy.environment import list_environments
from bentoml.saved_bundle.integrity import write_digests
from bentoml.yatai.client import get_yatai_client
from tests.cli.circle_bundle import PI, save_circle
from tests.cli.saved_home import BENTOML, run_bentoml
from tests.cli.server_process import served
from tests.server.certificates import make_certificate
from tests.storage.web_server import web_server
from tests.yatai.server.live_registry import live_registry

if TYPE_CHECKING:
    from collections.abc import Sequence

HAS_UV = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}

INTERRUPTIBLE = """
import signal
from bentoml.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
"""The command in a process that a shell has not put into the background, where the key would do nothing."""


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that needs mpmath, which is not installed here."""
    root = tmp_path_factory.mktemp("circle")
    return save_circle(root / "project", root / "the bundle")


@pytest.fixture(scope="module")
def shared_home(circle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a blank in its name that has the environment of the bundle, for tests that only use it."""
    home = tmp_path_factory.mktemp("a home")
    done = run_bentoml("env", "create", str(circle), "-q", env={**HAS_UV, "BENTOML_HOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    return home


def env(*words: str) -> subprocess.CompletedProcess[str]:
    return run_bentoml("env", *words, env=HAS_UV)


def test_env_create_says_what_it_does_while_it_does_it_and_where_it_is(circle: Path) -> None:
    made = env("create", str(circle))
    (home,) = list_environments()
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("Made an environment with Python 3.")
    assert made.stdout.endswith(f": {home.path}\n")
    assert " + mpmath==1.3.0\n" in made.stderr
    again = env("create", str(circle))
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.startswith("There is already an environment")
    assert env("create", str(circle), "-q", "--python", sys.executable).stdout == f"{home.path}\n"
    listed = env("list").stdout.splitlines()
    assert listed[0].split() == ["ENVIRONMENT", "PYTHON", "MADE_FOR", "AGE", "USED", "MIB"]
    assert [line.split()[0] for line in listed[1:]] == [home.path.name]
    assert "Circle:1.0" in listed[1]
    deleted = env("delete", home.path.name[:6], "--yes")
    assert (deleted.returncode, deleted.stdout) == (0, f"Deleted {home.path}\n")
    assert list_environments() == []


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["create", "Nobody:1"], 1, 'Error: bentoml-cli env create failed: BentoService "Nobody:1" not found'),
        (["create", "{bundle}", "--python", "3.98"], 1, "Python 3.98 is wanted, but this machine has none: found 3."),
        (["create", "{bundle}", "--installer", "poetry"], 2, "Invalid value for '--installer'"),
        (["delete", "abc"], 1, "no environments are called abc...; see them with: bentoml env list"),
        (["delete"], 2, "Say what to delete"),
        (["delete", "abc", "--all"], 2, "Say what to delete"),
        (["delete", "--unused-for", "-1"], 2, "Invalid value for '--unused-for'"),
    ],
)
def test_env_that_cannot_says_why(circle: Path, words: Sequence[str], code: int, text: str) -> None:
    done = env(*(word.format(bundle=circle) for word in words))
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr


def test_env_create_that_is_interrupted_leaves_nothing(circle: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "env", "create", str(circle)],
        env={**os.environ, **HAS_UV}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    while not process.stderr.readline().startswith("Making an environment"):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stderr.endswith("Aborted!\n")
    assert list_environments() == []


def test_env_delete_of_what_is_not_used_keeps_what_a_server_runs_in(circle: Path) -> None:
    argv = [BENTOML, "serve", str(circle), "--isolated", "--port", "0"]
    with served(argv, HAS_UV) as server:
        (home,) = list_environments()
        kept = env("delete", "--unused-for", "0", "--yes")
        assert (kept.returncode, kept.stdout) == (0, "")
        assert kept.stderr.startswith(f"Kept: {home.path} is in use")
        refused = env("create", str(circle), "--force")
        assert refused.returncode == 1
        assert "is in use by another process; if a server runs in it, stop that first" in refused.stderr
        assert json.loads(server.fetch("/pi", b"{}")[1]) == [PI, str(home.path)]
        assert server.stop()[0] == 0
    assert env("delete", "--unused-for", "0", "--yes").stdout == f"Deleted {home.path}\n"


def test_serve_isolated_is_the_same_process_in_the_environment_of_the_bundle(circle: Path, shared_home: Path) -> None:
    variables = {**HAS_UV, "BENTOML_HOME": str(shared_home), "PYTHONHOME": "", "PYTHONPATH": str(circle.parent)}
    words = ["--isolated", "--port=0", "--isolated-python", sys.executable, str(circle), "--disable-swagger"]
    with served([BENTOML, "serve", *words], variables) as server:
        (prefix,) = (shared_home / "environments").iterdir()
        argv = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        assert argv == [
            f"{prefix}/bin/python", "-m", "bentoml", "serve", "--port=0", str(circle), "--disable-swagger",
        ]  # fmt: skip
        assert json.loads(server.fetch("/pi", b"{}")[1]) == [PI, str(prefix)]
        assert server.fetch("/docs")[0] == 404
        server.process.send_signal(signal.SIGHUP)
        server.process.wait_for("is served now")
        assert json.loads(server.fetch("/pi", b"{}")[1]) == [PI, str(prefix)]
        status, _, stderr = server.stop(signal.SIGTERM)
    assert (status, stderr) == (0, "")


def test_reload_takes_no_bundle_that_needs_other_packages(circle: Path, shared_home: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(circle, bundle)
    words = ["--isolated", "--isolated-installer", "uv", "--port", "0", str(bundle)]
    with served([BENTOML, "serve", *words], {**HAS_UV, "BENTOML_HOME": str(shared_home)}) as server:
        (bundle / "requirements.lock").unlink()
        with (bundle / "requirements.txt").open("a", encoding="utf-8") as file:
            file.write("six==1.17.0\n")
        write_digests(bundle)
        server.process.send_signal(signal.SIGHUP)
        said = server.process.wait_for("goes on being served")
        assert f"{bundle} needs other packages than this server has in its environment; stop it" in said
        assert json.loads(server.fetch("/pi", b"{}")[1])[0] == PI


def test_options_for_the_environment_need_isolated(circle: Path) -> None:
    done = run_bentoml("serve", str(circle), "--isolated-only-wheels", env=HAS_UV)
    assert done.returncode == 2
    assert "--isolated-only-wheels is for the environment that --isolated makes; give that, too" in done.stderr


def test_serve_isolated_drains_before_it_ends(tmp_path: Path) -> None:
    """A request that is being answered when the signal comes gets its answer."""
    bundle = save_circle(tmp_path / "project", tmp_path / "bundle")
    argv = [BENTOML, "serve-gunicorn", str(bundle), "--isolated", "--port", "0", "--workers", "1"]
    with served(argv, HAS_UV) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        body = b'"' + b"x" * (8 << 20) + b'"'
        connection.putrequest("POST", "/pi")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:100])
        server.process.send_signal(signal.SIGTERM)
        connection.send(body[100:])
        assert json.loads(connection.getresponse().read())[0] == PI
        connection.close()
        server.process.communicate(timeout=60)
        assert server.process.returncode == 0


def test_run_isolated_prints_the_result_of_the_environment(circle: Path, shared_home: Path) -> None:
    variables = {**HAS_UV, "BENTOML_HOME": str(shared_home)}
    (prefix,) = (shared_home / "environments").iterdir()
    outside = run_bentoml("run", str(circle), "pi", "-q", "--input", "{}", env=variables)
    assert outside.returncode == 1
    assert "No module named 'mpmath'" in outside.stdout + outside.stderr
    inside = run_bentoml("run", str(circle), "pi", "-q", "--input", "{}", "--isolated", env=variables)
    assert (inside.returncode, inside.stderr) == (0, "")
    assert json.loads(inside.stdout) == [PI, str(prefix)]
    wrong = run_bentoml("run", str(circle), "pi", "-q", "--isolated", "--input", "{bad", env=variables)
    assert wrong.returncode == 1


def test_isolated_command_of_an_installed_bundle_knows_its_bundle(circle: Path, shared_home: Path) -> None:
    program = "from Circle import cli; cli(['run', 'pi', '--isolated', '-q', '--input', '{}'])"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={**os.environ, **HAS_UV, "BENTOML_HOME": str(shared_home), "PYTHONPATH": str(circle)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == PI


def test_run_isolated_of_a_bundle_at_an_address_fetches_it_once(
    circle: Path, shared_home: Path, tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)
    (tmp_path / "temporary").mkdir()
    variables = {
        **HAS_UV,
        "BENTOML_HOME": str(shared_home),
        "BENTOML__STORAGE__HTTP__ALLOWED_NETWORKS": "[127.0.0.1, '::1']",
        "BENTOML__STORAGE__HTTP__CA_FILE": str(certificate.certfile),
        "TMPDIR": str(tmp_path / "temporary"),
    }
    packed = io.BytesIO()
    pack_tar(circle, "Circle", packed)
    with web_server(certificate.certfile, certificate.keyfile) as server:
        server.file("/Circle.tar", packed.getvalue())
        words = [server.url("/Circle.tar"), "pi", "-q", "--input", "{}"]
        done = run_bentoml("run", *words, "--isolated", env=variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)[0] == PI
        assert len(server.requests) == 1
        # What is left goes when somebody fetches the next one.
        (left,) = (tmp_path / "temporary").iterdir()
        run_bentoml("info", server.url("/Circle.tar"), env=variables)
        assert not left.exists()


def test_serve_isolated_holds_the_copy_of_a_bundle_of_a_registry(
    circle: Path, shared_home: Path, tmp_path: Path
) -> None:
    variables = {**HAS_UV, "BENTOML_HOME": str(shared_home)}
    with live_registry(tmp_path) as registry:
        there = get_yatai_client(registry.url).repository
        there.upload_from_dir(circle)
        (bento,) = there.list()
        argv = [BENTOML, "serve", bento.tag, "--yatai-url", registry.url, "--isolated", "--port", "0"]
        with served(argv, variables) as server:
            status, body = server.fetch("/pi", b"{}")
            assert (status, json.loads(body)[0]) == (200, PI)
            (lock,) = (shared_home / "cache").glob("*.lock")
            assert is_locked(lock)
            assert server.stop()[0] == 0
    assert not is_locked(lock)


def is_locked(path: Path) -> bool:
    """Whether somebody holds a lock on a file."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

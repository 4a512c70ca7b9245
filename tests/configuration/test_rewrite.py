"""The file on disk: changed whole or not at all, by one process at a time, with its permissions."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bentoml.configuration import get_config, rewrite
from bentoml.configuration.config_file import ConfigFile
from bentoml.configuration.rewrite import set_values, unset_keys
from bentoml.exceptions import BentoMLConfigException, LockUnavailable


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_set_without_a_file_makes_one_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "new" / "home"
    monkeypatch.setenv("BENTOML_HOME", str(home))
    set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    assert get_config().bento_server.port == 81
    assert [path.name for path in home.iterdir()] == ["bentoml.yml"]
    assert mode_of(home / "bentoml.yml") == 0o600


def test_set_keeps_the_permissions_and_the_link(bentoml_home: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.yml"
    real.write_text("# mine\n")
    real.chmod(0o640)
    (bentoml_home / "bentoml.yml").symlink_to(real)
    set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    assert (bentoml_home / "bentoml.yml").is_symlink()
    assert real.read_text() == "# mine\nbento_server:\n  port: 81\n"
    assert mode_of(real) == 0o640


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("# mine\n", {"bento_server.port": 0}, r"^'bento_server\.port' must be from 1 to 65535"),
        ("# mine\ncolour: red\n", {"bento_server.port": 1}, "nothing was changed, as the file has a fault: .*colour"),
        ("bento_server: 5\n", {"bento_server.port": 1}, "line 1 is no section"),
        ("a: [", {"bento_server.port": 1}, "^Config file .*bentoml.yml cannot be read: line 1"),
    ],
)
def test_set_that_is_refused_changes_nothing(
    bentoml_home: Path, text: str, values: dict[str, object], message: str
) -> None:
    path = bentoml_home / "bentoml.yml"
    path.write_text(text)
    before = path.stat()
    with pytest.raises(BentoMLConfigException, match=message):
        set_values(ConfigFile.in_force(), values)
    assert path.read_text() == text
    assert path.stat().st_ino == before.st_ino
    assert [other.name for other in bentoml_home.iterdir()] == ["bentoml.yml"]


def test_set_of_several_keys_is_all_or_none(bentoml_home: Path) -> None:
    with pytest.raises(BentoMLConfigException, match="timeout"):
        set_values(ConfigFile.in_force(), {"bento_server.port": 1, "bento_server.timeout": 0})
    assert not (bentoml_home / "bentoml.yml").exists()


def test_set_repairs_a_value_and_unset_an_unknown_key(bentoml_home: Path) -> None:
    path = bentoml_home / "bentoml.yml"
    path.write_text("bento_server: {port: many}\n")
    set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    assert path.read_text() == "bento_server: {port: 81}\n"
    path.write_text("colour: red\nshape: round\n")
    unset_keys(ConfigFile.in_force(), ["colour"])
    assert path.read_text() == "shape: round\n"
    with pytest.raises(BentoMLConfigException, match="'colour' is not there"):
        unset_keys(ConfigFile.in_force(), ["shape", "colour"])
    assert path.read_text() == "shape: round\n"


def test_set_of_what_is_set_does_not_touch_the_file(bentoml_home: Path) -> None:
    path = bentoml_home / "bentoml.yml"
    path.write_text("bento_server: {port: 81}\n")
    before = path.stat()
    set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_set_in_a_place_that_is_none_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_CONFIG", str(tmp_path / "gone" / "bentoml.yml"))
    with pytest.raises(BentoMLConfigException, match="cannot be written: No such file or directory"):
        set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    (tmp_path / "gone").write_text("")
    with pytest.raises(BentoMLConfigException, match="cannot be written: Not a directory"):
        set_values(ConfigFile.in_force(), {"bento_server.port": 81})


def test_set_while_another_process_changes_the_file_waits_for_it(
    bentoml_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "LOCK_LIMIT_S", 0.05)
    other = os.open(bentoml_home, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with pytest.raises(LockUnavailable, match="try again when it has finished"):
            set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    finally:
        os.close(other)
    set_values(ConfigFile.in_force(), {"bento_server.port": 81})
    assert get_config().bento_server.port == 81


SETTER = """
import sys
from bentoml.configuration.config_file import ConfigFile
from bentoml.configuration.rewrite import set_values
print("ready", flush=True)
sys.stdin.readline()
for round in range(1, 21):
    set_values(ConfigFile.in_force(), {sys.argv[1]: round})
"""


def test_sets_at_the_same_time_lose_nothing(bentoml_home: Path) -> None:
    names = ["bento_server.port", "bento_server.workers", "bento_server.microbatch.max_latency"]
    processes = [
        subprocess.Popen([sys.executable, "-c", SETTER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0
    server = get_config().bento_server
    assert (server.port, server.workers, server.microbatch.max_latency) == (20, 20, 20)
    assert [path.name for path in bentoml_home.iterdir()] == ["bentoml.yml"]

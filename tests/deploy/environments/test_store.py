"""Directories of environments: locked while they are made, removed and used; finished or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bentoml.deploy.environment.store import (
    EnvironmentHome,
    Record,
    environments_root,
    find_environment,
    list_environments,
    unused_environments,
)
from bentoml.exceptions import BentoMLException, NotFound

RECORD = Record("d1", "Circle:1.0", "3.11.7", "requirements.txt", "uv", 1000.0)


def finished(name: str = "abc1") -> EnvironmentHome:
    """An environment that consists of its record and an interpreter."""
    home = EnvironmentHome(environments_root() / name)
    with home.locked():
        home.begin()
        home.python.parent.mkdir()
        home.python.symlink_to(sys.executable)
        home.finish(RECORD)
    return home


def test_environment_is_there_when_it_is_finished() -> None:
    home = EnvironmentHome(environments_root() / "abc1")
    assert (home.record(), home.hold(), home.is_empty) == (None, None, True)
    with home.locked():
        home.begin()
        assert (home.record(), home.is_begun) == (None, True)
    home = finished()
    assert (home.record(), home.is_begun) == (RECORD, False)


def test_environment_without_its_interpreter_is_not_there() -> None:
    home = finished()
    home.python.unlink()
    home.python.symlink_to("/nothing/python")
    assert home.record() is None


def test_record_that_is_broken_is_an_error_that_names_it() -> None:
    home = finished()
    (home.path / "environment.json").write_text("{")
    with pytest.raises(BentoMLException, match=r"abc1/environment\.json cannot be read .*; remove /"):
        home.record()


def test_begin_removes_what_was_there_and_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    home = finished()
    (home.path / "link").symlink_to(tmp_path)
    with home.locked():
        home.begin()
    assert sorted(path.name for path in home.path.iterdir()) == ["environment.unfinished"]
    assert (tmp_path / "mine").read_text() == "keep"


def test_held_environment_is_not_removed_until_it_is_let_go() -> None:
    home = finished()
    descriptor = home.hold()
    assert descriptor is not None
    with pytest.raises(BentoMLException, match="is in use by another process"), home.locked():
        pytest.fail("locked while it is held")
    second = home.hold()
    assert second is not None
    os.close(second)
    os.close(descriptor)
    with home.locked():
        home.remove()
    assert not home.path.exists()
    assert home.hold() is None


def test_lock_is_held_by_children_of_a_process_that_was_killed() -> None:
    """It leaves the installer that it has started; who comes next waits for that."""
    home = finished()
    with home.locked() as descriptor:
        child = subprocess.Popen(["cat"], pass_fds=(descriptor,), stdin=subprocess.PIPE)
    waited = []

    def let_go() -> None:
        waited.append(child.poll())
        child.communicate()

    with child, home.locked(let_go):
        assert waited == [None]


def test_lock_on_a_directory_that_is_gone_keeps_nobody_out() -> None:
    home = finished()
    with home.locked() as descriptor:
        child = subprocess.Popen(["cat"], pass_fds=(descriptor,), stdin=subprocess.PIPE)
        home.remove()
    with home.locked():
        assert home.is_empty
    assert not home.path.exists()
    child.communicate()


def test_directory_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = EnvironmentHome(tmp_path / "file" / "environment")
    with pytest.raises(BentoMLException, match="cannot be made: Not a directory; set BENTOML_HOME"), home.locked():
        pytest.fail("locked below a file")


def test_environments_are_found_by_the_beginning_of_their_name() -> None:
    assert list_environments() == []
    homes = [finished(name) for name in ("abc1", "abd2")]
    assert list_environments() == homes
    assert find_environment("abd") == homes[1]
    for name, count in {"ab": "2", "x": "no", "": "no"}.items():
        with pytest.raises(NotFound, match=f"{count} environments are called {name}"):
            find_environment(name)


def test_unused_environments_are_old_or_not_finished() -> None:
    old, fresh = finished("old"), finished("fresh")
    begun = EnvironmentHome(environments_root() / "begun")
    with begun.locked():
        begun.begin()
    ten_days_s = 10 * 86400
    now_s = time.time()
    os.utime(old.path / "environment.json", (now_s - ten_days_s, now_s - ten_days_s))
    assert unused_environments(9, now_s) == [begun, old]
    old.mark_used()
    assert unused_environments(9, now_s) == [begun]
    assert unused_environments(0, now_s + 1) == [begun, fresh, old]

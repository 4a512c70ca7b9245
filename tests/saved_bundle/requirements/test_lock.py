"""The form of `requirements.lock`, and what is refused when one is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bentoml.exceptions import BentoMLConfigException
from bentoml.saved_bundle.library_wheel import WHEEL_NAME
from bentoml.saved_bundle.requirements.closure import closure_of
from bentoml.saved_bundle.requirements.lock import Lock, Pin, any_machine, lock_of, machine_name, read_lock

if TYPE_CHECKING:
    from tests.saved_bundle.installed_files import SitePackages

LIBRARY = f"./bundled_pip_dependencies/{WHEEL_NAME}"
A, B = "aa" * 32, "bb" * 32
WHOLE = Lock(
    "cpython-311 x86_64",
    ("--extra-index-url=https://a.example", "--pre"),
    LIBRARY,
    (B,),
    (Pin("alpha", "==1.0+cpu", (B, A)), Pin("beta", " @ https://a.example/beta.whl", (A,))),
    (),
)


def test_lock_with_hashes_is_what_pip_reads() -> None:
    assert str(WHOLE) == (
        "# Every distribution that this bundle needs, in exact versions.\n"
        "# made for: cpython-311 x86_64\n"
        "# hashes: of all; in the directory of the bundle: pip install --require-hashes -r requirements.lock\n"
        "--extra-index-url=https://a.example\n--pre\n"
        f"{LIBRARY} \\\n    --hash=sha256:{B}\n"
        f"alpha==1.0+cpu \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n"
        f"beta @ https://a.example/beta.whl \\\n    --hash=sha256:{A}\n"
    )


def test_lock_without_hashes_has_none_at_all() -> None:
    # One would turn on pip's check of all the others.
    text = str(replace(WHOLE, library_hashes=()))
    assert "--hash" not in text
    assert "\n# hashes: none; to add those of the files of an index: bentoml env lock BUNDLE\n" in text


def test_lock_is_read_as_it_was_written() -> None:
    again = read_lock(str(WHOLE))
    assert str(again) == str(WHOLE)
    missing = replace(WHOLE, library_hashes=(), missing=("alpha needs x, which is not installed here",))
    assert read_lock(str(missing)).missing == missing.missing


EVERYWHERE = replace(
    WHOLE,
    made_for=any_machine("3.11"),
    pins=(
        Pin("alpha", "==1.0", (A,), "python_full_version < '3.12' and sys_platform != 'win32'"),
        Pin("alpha", "==2.0", (B,), "python_full_version >= '3.12' or sys_platform == 'win32'"),
        Pin("beta", " @ https://a.example/beta.whl", (A,), "platform_machine == 'x86_64'"),
    ),
)


def test_lock_for_every_machine_is_read_as_it_was_written() -> None:
    assert f"\nalpha==2.0 ; {EVERYWHERE.pins[1].marker} \\\n    --hash=sha256:{B}\n" in str(EVERYWHERE)
    assert read_lock(str(EVERYWHERE)) == EVERYWHERE


@pytest.mark.parametrize(
    ("made_for", "machine", "fits"),
    [
        ("cpython-311-darwin arm64", "cpython-311-darwin arm64", True),
        ("cpython-311-darwin arm64", "cpython-311-darwin x86_64", False),
        ("Python 3.11 on any machine", "cpython-311-darwin arm64", True),
        ("Python 3.11 on any machine", "cpython-311-x86_64-linux-gnu x86_64", True),
        ("Python 3.1 on any machine", "cpython-311-darwin arm64", False),
        ("Python 3.11 on any machine", "cpython-312-darwin arm64", False),
        ("Python 3.13 on any machine", "cpython-313t-darwin arm64", False),
        ("Python 3.11 on any machine", "pypy311-pp73-darwin arm64", False),
    ],
)
def test_lock_fits_the_machines_that_it_was_made_for(made_for: str, machine: str, fits: bool) -> None:
    assert replace(WHOLE, made_for=made_for).fits(machine) is fits


def test_lock_of_a_closure_pins_what_is_installed(site: SitePackages) -> None:
    site.add("alpha", "1.0+cpu", "Requires-Dist: beta", "Requires-Dist: gamma", "Requires-Dist: nothere")
    site.add("beta", "2", origin={"url": "file:///home/me/beta", "dir_info": {"editable": True}})
    site.add("gamma", "3", origin={"url": "https://u:p@a.example/g.whl#x", "archive_info": {"hashes": {"sha256": A}}})
    lock = lock_of(closure_of("--index-url=https://a.example\nalpha\n"), LIBRARY)
    pins = {pin.name: pin for pin in lock.pins}
    assert "bentoml" not in pins
    assert "beta" not in pins  # an index may have another distribution of that name
    assert pins["alpha"] == Pin("alpha", "==1.0+cpu")
    assert pins["gamma"] == Pin("gamma", f" @ https://a.example/g.whl#sha256={A}")
    assert [pin.own_hash for pin in (pins["alpha"], pins["gamma"])] == [None, A]
    assert f"\ngamma @ https://a.example/g.whl#sha256={A}\n" in str(lock)
    assert lock.options == ("--index-url=https://a.example",)
    assert lock.missing == (
        "alpha needs nothere, which is not installed here",
        "beta 2, which was installed from a directory or a repository of sources",
    )
    assert lock.made_for == machine_name()
    assert read_lock(str(lock)).missing == lock.missing


def test_lock_of_a_hostile_line_stays_in_its_comment(site: SitePackages) -> None:
    site.add("alpha", "1.0", "Requires-Dist: x\x0b--index-url=https://evil.example")
    text = str(lock_of(closure_of("-r a\u2028b\nalpha\n"), LIBRARY))
    lines = text.splitlines()
    assert lines == text.split("\n")[:-1]
    assert not [line for line in lines if "evil" in line and not line.startswith("# missing: ")]


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "-r other.txt",
        "--config-settings=x",
        "--global-option=x",
        "--index-urlx=y",
        "../x.whl",
        "./bundled_pip_dependencies/../../x.whl",
        "./bundled_pip_dependencies/x.tar.gz",
        "gamma",
        "gamma>=1",
        "gamma==1,<2",
        "gamma==*",
        "gamma[x]==1",
        "gamma==1; python_version>'3'",
        "gamma==1 ; ",
        "gamma==1 ; python_version",
        "gamma==1 ; python_version > '3' --global-option=x",
        "gamma==1 ; sys_platform == 'x --global-option=y'",
        "gamma==1 ; sys_platform == 'x -r y'",
        "gamma==1 ; sys_platform == '${TOKEN}'",
        "gamma==1 ; sys_platform == 'x#y'",
        "gamma==1 ; sys_platform == '\x0b--pre'",
        "gamma @ file:///etc/passwd",
        "gamma @ git+https://a.example/x",
        "gamma @ https://a.example/x -e .",
        "gamma==1 --hash=md5:00",
        "gamma==1 --global-option=x",
        "alpha==2",
        LIBRARY,
        "# made for: elsewhere",
    ],
)
def test_lock_with_another_line_is_refused(line: str) -> None:
    with pytest.raises(BentoMLConfigException, match=r"^it "):
        read_lock(f"{WHOLE}{line}\n")


@pytest.mark.parametrize("text", ["", "\n", "alpha==1\n", str(WHOLE).replace("# made for", "# for")])
def test_lock_that_lacks_a_part_is_refused(text: str) -> None:
    with pytest.raises(BentoMLConfigException, match="does not name one machine"):
        read_lock(text)

"""A process that changes the registry and is killed at whatever step: nothing half-done is ever seen, all is mended."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bentoml.exceptions import NotFound
from bentoml.yatai.database_address import open_database
from bentoml.yatai.models import utc_now
from bentoml.yatai.schema import metadata
from bentoml.yatai.tree_reading import differences
from tests.postgres import PostgresServer
from tests.yatai.kill_points import Subject

BEFORE = {"save": False, "upload": False, "restore": False, "delete": True, "purge": True}
# What a user does most often, on what he begins with; the others take as long each, or longer.
USUAL = {("sqlite", "save")}
MARKS = {"sqlite": [], "postgres": [pytest.mark.may_skip("there is no PostgreSQL on this machine")]}
CASES = [
    pytest.param(database, change, marks=marks if (database, change) in USUAL else [*marks, pytest.mark.slow])
    for database, marks in MARKS.items()
    for change in BEFORE
]
pytestmark = pytest.mark.timeout(600)
WriteBundle = Callable[..., Path]
NewUrl = Callable[[Path], str]


@pytest.fixture(scope="module")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "storage.db"
    with closing(open_database(None, path)) as database, database.write():
        pass
    return path


@pytest.fixture
def new_url(request: pytest.FixtureRequest, empty_catalog: Path) -> Iterator[NewUrl]:
    """Makes an empty catalog for each directory."""
    if request.param == "sqlite":
        yield lambda root: f"sqlite:///{shutil.copy(empty_catalog, root)}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url: str = request.getfixturevalue("postgres_url")
    tables = ", ".join(metadata.tables)

    def empty(_root: Path) -> str:
        # A new database for each would take half a second.
        server.execute(f"TRUNCATE {tables}", url.rpartition("/")[2])
        return url

    yield empty


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: a process that is killed loses nothing that the system has."""
    parent = Path("/dev/shm")
    if not parent.is_dir():
        yield tmp_path
        return
    path = Path(tempfile.mkdtemp(prefix="kill-points-", dir=parent))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def bundles(write_bundle: WriteBundle) -> Path:
    write_bundle("Other")
    iris = write_bundle("Iris")
    # Its own, and longer than what is sent at a time; its model it shares with the other.
    (iris / "Iris" / "artifacts" / "scaler.pkl").write_bytes(bytes(range(256)) * 4)
    return iris.parent


@contextmanager
def driver() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.yatai.kill_points"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


def steps_until(process: subprocess.Popen[str], *words: object) -> int | None:
    """None when the child was killed, else how many steps the change had."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(" ".join(map(str, words)) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline().strip()
    if answer == "killed":
        return None
    text = json.loads(answer)
    assert text.isdigit(), text
    return int(text)


@pytest.mark.parametrize(("new_url", "change"), CASES, indirect=["new_url"])
def test_change_when_killed_at_any_step_is_done_or_not_and_can_be_made_again(
    memory_path: Path, bundles: Path, new_url: NewUrl, change: str
) -> None:
    step, count, seen = 0, None, set()
    with driver() as process:
        while count is None:
            step += 1
            root = memory_path / str(step)
            root.mkdir()
            url = new_url(root)
            count = steps_until(process, step, change, url, root, bundles)
            with closing(open_database(url, Path("none.db"))) as database:
                seen.add(check(Subject(database, root, bundles), BEFORE[change], f"step {step}"))
                getattr(Subject(database, root, bundles), change)()
                check(Subject(database, root, bundles), not BEFORE[change], f"again after step {step}", is_exact=True)
                check_nothing_is_left(Subject(database, root, bundles), root)
            shutil.rmtree(root)
    assert step == count + 1
    assert count >= 8
    assert seen == {False, True}, "some were killed before it was done, and some after"


def check(subject: Subject, expected: bool, when: str, *, is_exact: bool = False) -> bool:
    """See that all that is visible is whole; whether the bundle that is changed is."""
    visible = {bento.tag: bento for bento in subject.repository.list(limit=1000)}
    assert visible.keys() - {"Iris:1"} == {"Other:1"}, when
    for bento in visible.values():
        with subject.registry.reading(bento) as directory:
            assert differences(directory, subject.registry.tree(bento), deep=True) == [], when
    assert ("Iris:1" in visible) is expected or not is_exact, when
    return "Iris:1" in visible


def check_nothing_is_left(subject: Subject, root: Path) -> None:
    """See that catalog and files agree, and that nothing is there that nobody needs."""
    subject.registry.collect(timedelta(0))
    found = subject.registry.inspect(deep=True)
    assert (found.problems, found.unknown, found.unindexed) == ((), 0, 0)
    assert [*(root / "repository" / ".staging").glob("*")] == []
    for tag in ("Iris:1", "Other:1"):
        with suppress(NotFound):
            subject.repository.delete(tag, purge=True)
    later = Subject(subject.registry._database, root, subject.bundles, lambda: utc_now() + timedelta(hours=25))
    later.uploads.sweep()
    subject.registry.collect(timedelta(0))
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith("storage.db")]
    assert files == []

"""Several processes on one registry, some of them killed. Pipes say when to go on; nothing sleeps."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from bentoml.exceptions import NotFound, YataiServiceRpcAborted
from bentoml.yatai.repository import BentoRepository

WORKER = Path(__file__).with_name("worker.py")

WriteBundle = Callable[..., Path]
Save = Callable[..., Path]
CheckAgreement = Callable[[], set[str]]


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A running worker; killed at the end of the block if it still runs."""
    with subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def expect(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    said = process.stdout.readline()
    if said != f"{line}\n":
        process.kill()
        pytest.fail(f"worker said {said!r} instead of {line!r}\n{process.communicate()[1]}")


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> str:
    """Waits for a good end and returns what was said since."""
    said, error = process.communicate(timeout=100)
    assert (process.returncode, error) == (0, "")
    return said


def tags(repository: BentoRepository) -> set[str]:
    return {bento.tag for bento in repository.list(limit=1000)}


SAVE_POINTS = ["staged", "before-publish", "after-publish"]


@pytest.mark.parametrize("point", SAVE_POINTS)
def test_save_when_killed_is_never_listed_and_can_be_saved_again(
    repository: BentoRepository, save: Save, write_bundle: WriteBundle, check_agreement: CheckAgreement, point: str
) -> None:
    save(name="Other")
    bundle = write_bundle()
    with worker("at", point, "save", bundle) as process:
        expect(process, "reached")
        assert tags(repository) == {"Other:1"}, "nothing is listed before the end"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert tags(repository) == {"Other:1"}
    with pytest.raises(NotFound):
        repository.get("Iris:latest")
    path = Path(repository.upload_from_dir(bundle))
    assert (path / "Iris" / "artifacts" / "model.pkl").is_file()
    assert check_agreement() == {"Iris:1", "Other:1"}


@pytest.mark.parametrize("point", SAVE_POINTS)
def test_save_when_killed_is_cleared_away_by_the_next_save_of_another(
    save: Save, write_bundle: WriteBundle, check_agreement: CheckAgreement, point: str
) -> None:
    with worker("at", point, "save", write_bundle()) as process:
        expect(process, "reached")
    save(name="Other")
    assert check_agreement() == {"Other:1"}


DELETE_POINTS = ["before-displace", "after-displace", "before-sweep"]


@pytest.mark.parametrize("point", DELETE_POINTS)
@pytest.mark.parametrize("then", ["save-same", "save-other"])
def test_delete_when_killed_is_gone_and_its_tag_free(
    repository: BentoRepository,
    save: Save,
    tmp_path: Path,
    check_agreement: CheckAgreement,
    point: str,
    then: str,
) -> None:
    save()
    with worker("at", point, "delete", "Iris:1") as process:
        expect(process, "reached")
        assert tags(repository) == set(), "a deletion shows at once"
        process.send_signal(signal.SIGKILL)
        process.wait()
    if then == "save-same":
        bundle = tmp_path / "bundles" / "Iris-1"
        (bundle / "new.txt").write_text("new")
        path = Path(repository.upload_from_dir(bundle))
        assert (path / "new.txt").is_file()
        assert check_agreement() == {"Iris:1"}
    else:
        save(name="Other")
        assert check_agreement() == {"Other:1"}


def test_delete_when_save_of_the_tag_was_killed_removes_what_it_left(
    repository: BentoRepository, write_bundle: WriteBundle, check_agreement: CheckAgreement
) -> None:
    with worker("at", "after-publish", "save", write_bundle()) as process:
        expect(process, "reached")
    repository.delete("Iris:1")
    assert check_agreement() == set()


def test_save_when_another_saves_the_same_tag_one_wins(
    repository: BentoRepository, write_bundle: WriteBundle, check_agreement: CheckAgreement
) -> None:
    bundle = write_bundle()
    with worker("at", "staged", "save", bundle) as process:
        expect(process, "reached")
        repository.upload_from_dir(bundle)
        go_on(process)
        _said, error = process.communicate(timeout=100)
        assert process.returncode == 1
        assert "already registered in repository" in error
    assert check_agreement() == {"Iris:1"}


def test_delete_when_a_reader_holds_the_bundle_waits_for_it(
    repository: BentoRepository, save: Save, check_agreement: CheckAgreement
) -> None:
    save()
    with worker("at", "before-displace", "delete", "Iris:1") as process:
        with repository.reading("Iris:1") as path:
            assert tags(repository) == {"Iris:1"}
            # The worker may be anywhere before its lock, but not beyond: the bundle is whole until the block ends.
            assert (path / "bentoml.yml").is_file()
        expect(process, "reached")
        go_on(process)
        expect(process, "done")
        finish(process)
    assert check_agreement() == set()


@pytest.fixture
def bundles(write_bundle: WriteBundle) -> list[Path]:
    """Six bundles that carry the digest of their artifact."""
    found = []
    for number in range(6):
        bundle = write_bundle(["Iris", "Other"][number % 2], str(number))
        model = next(bundle.glob("*/artifacts/model.pkl"))
        model.write_bytes(bytes([number]) * 200_000)
        (bundle / "digest.txt").write_text(hashlib.sha256(model.read_bytes()).hexdigest())
        found.append(bundle)
    return found


def test_save_and_delete_when_many_processes_churn_stay_consistent(
    repository: BentoRepository, bundles: list[Path], check_agreement: CheckAgreement
) -> None:
    with ExitStack() as stack:
        churners = [stack.enter_context(worker("churn", seed, 25, *bundles)) for seed in range(4)]
        watcher = stack.enter_context(worker("watch", 15))
        for process in [*churners, watcher]:
            expect(process, "ready")
        for process in [*churners, watcher]:
            go_on(process)
        steps = "".join(finish(process) for process in churners).split()
        finish(watcher)
    assert len(steps) == 100
    assert steps.count("done") > 20
    assert check_agreement() == tags(repository)


def test_save_and_delete_when_processes_are_killed_at_random_stay_consistent(
    repository: BentoRepository, bundles: list[Path], check_agreement: CheckAgreement
) -> None:
    with ExitStack() as stack:
        victims = [stack.enter_context(worker("churn", seed, 1000, *bundles)) for seed in range(3)]
        watcher = stack.enter_context(worker("watch", 10))
        for process in [*victims, watcher]:
            expect(process, "ready")
        for process in [*victims, watcher]:
            go_on(process)
        for number, victim in enumerate(victims):
            assert victim.stdout is not None
            for _ in range(4 + 3 * number):
                assert victim.stdout.readline() in {"done\n", "refused\n"}
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        finish(watcher)
    for bundle in bundles:
        with suppress(YataiServiceRpcAborted):  # it may be registered already
            repository.upload_from_dir(bundle)
    repository.delete(bento_name="Other")
    assert check_agreement() == tags(repository) == {"Iris:0", "Iris:2", "Iris:4"}

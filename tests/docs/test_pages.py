"""Every page of the documentation does what it says: each of its blocks runs, in order, in a directory of its own."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bentoml.yatai.blobs import FileSystemBlobStore
from bentoml.yatai.database_address import open_database
from bentoml.yatai.local import LocalRegistry
from bentoml.yatai.repository import BentoRepository
from tests.deploy.app_platforms import gcloud, heroku
from tests.deploy.ray.lookalike import running_lookalike
from tests.docs.blocks import Command, pages_of, read_blocks
from tests.docs.page_run import PageRun
from tests.docs.programs import CONTAINERS, programs_for
from tests.storage.emulators import running_s3

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
IRIS = EXAMPLES / "iris"
FLOW = ("bento_service.py", "bento_packer.py")
GOES_ON = "This page goes on from the [quickstart]"
"""A page with this sentence starts where the quickstart has saved its bundle."""

NOT_RUN_LIMIT = 10
"""How many blocks of all pages may stay unrun; each names its reason on the page."""

NEEDS = re.compile(r"<!-- The tests run this page in the environment (\w+)\. -->")
"""A comment on a page whose libraries are not in the environment of the suite; see tests/environments."""

CLUSTER = "<!-- The tests run this page with kubectl and a look-alike of a cluster. -->"
"""A comment on a page whose commands need a cluster. No cluster runs: each Deployment is said to run at once."""

CLOUD = "<!-- The tests run this page with a look-alike of AWS. -->"
"""A comment on a page whose commands need an account of AWS."""
GCLOUD = "<!-- The tests run this page with a gcloud that reads commands and files, and does nothing. -->"
"""A comment on a page whose commands need an account of Google: the real program says what it has against them."""
HEROKU = "<!-- The tests run this page with a heroku that knows its options and does nothing. -->"
"""A comment on a page whose commands need an account of Heroku."""
AZURE = "<!-- The tests run this page with a look-alike of az. -->"
"""A comment on a page whose commands need Azure, which is not there: a program called az keeps what it is told."""
RAY = "<!-- The tests run this page with a look-alike of the dashboard of Ray. -->"
"""A comment on a page whose commands need a cluster of Ray. None runs: each application is said to run at once."""


def environments_of(page: Path) -> list[pytest.MarkDecorator]:
    """The mark of a page that needs an environment of its own."""
    return [pytest.mark.environment(name) for name in NEEDS.findall(page.read_text(encoding="utf-8"))]


PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)), marks=environments_of(page))
    for page in pages_of(ROOT)
    if any(block.language != "text" for block in read_blocks(page.read_text(encoding="utf-8")))
    and CONTAINERS not in page.read_text(encoding="utf-8")
]


def give_platforms(text: str, run: PageRun, around: ExitStack, directory: Path) -> None:
    """Give a page look-alikes of the platforms that its comments name."""
    if CLUSTER in text:
        # What it needs is not in the environments of other pages.
        from tests.deploy.kubernetes.lookalike import LookAlike, kubectl_or_skip, served

        kubectl_or_skip()
        run.env["KUBECONFIG"] = str(around.enter_context(served(LookAlike(pods_run=True), directory)))
    if CLOUD in text:
        run.env.update(around.enter_context(running_s3(directory)).variables)
    if AZURE in text:
        from tests.deploy.azure.lookalike import installed

        azure = installed(directory / "az")
        run.env |= {
            "AZ_LOOK_ALIKE": str(azure.file),
            "PATH": f"{azure.file.parent}{os.pathsep}{run.env['PATH']}",
        }
    if GCLOUD in text:
        run.env["PATH"] = f"{gcloud.installed(directory / 'gcloud')}{os.pathsep}{run.env['PATH']}"
    if HEROKU in text:
        run.env["PATH"] = f"{heroku.installed(directory / 'heroku')}{os.pathsep}{run.env['PATH']}"
    if RAY in text:
        run.env["RAY_DASHBOARD_ADDRESS"] = around.enter_context(running_lookalike()).address


@pytest.fixture(scope="session")
def saved_iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that the quickstart saves, for pages that go on from it: saving it again for each takes seconds."""
    with PageRun(tmp_path_factory.mktemp("quickstart")) as run:
        for name in FLOW:
            shutil.copy(IRIS / name, run.work)
        run.run_command(Command("python bento_packer.py", ""))
    (bundle,) = (run.home / "bentoml" / "repository" / "IrisClassifier").iterdir()
    return bundle


def register(bundle: Path, run: PageRun) -> None:
    """Put a bundle into the registry that the commands of a page use."""
    home = run.home / "bentoml"
    home.mkdir(mode=0o700)
    with closing(open_database(None, home / "storage.db")) as database:
        BentoRepository(LocalRegistry(database, FileSystemBlobStore(home / "repository"))).upload_from_dir(bundle)


@pytest.mark.timeout(900)  # pages run some dozen commands, each of which waits its turn on a busy machine
@pytest.mark.parametrize("page", PAGES)
def test_blocks_of_page_run_as_shown(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    with PageRun(tmp_path) as run, ExitStack() as around:
        give_platforms(text, run, around, tmp_path)
        around.enter_context(programs_for(text, run))
        if page.parent.parent == EXAMPLES:
            for module in page.parent.glob("*.py"):
                shutil.copy(module, run.work)
        if GOES_ON in text:
            for name in FLOW:
                shutil.copy(IRIS / name, run.work)
            register(request.getfixturevalue("saved_iris"), run)
        for block in read_blocks(text):
            run.run_block(block)


def test_blocks_that_nobody_runs_are_few_and_say_why() -> None:
    reasons = [
        f"{page.relative_to(ROOT)}:{block.line}: {block.not_run}"
        for page in pages_of(ROOT)
        for block in read_blocks(page.read_text(encoding="utf-8"))
        if block.not_run is not None
    ]
    print("\n".join([f"{len(reasons)} blocks are not run:", *reasons]))
    assert len(reasons) <= NOT_RUN_LIMIT
    assert not [reason for reason in reasons if reason.endswith(": ")]


@pytest.mark.parametrize("name", FLOW)
@pytest.mark.parametrize("page", ["docs/quickstart.md", "README.md"])
def test_files_of_the_flow_are_those_of_the_example(page: str, name: str) -> None:
    shown = {block.title: block.text for block in read_blocks((ROOT / page).read_text(encoding="utf-8"))}
    assert shown[name].removeprefix(f"# {name}\n") == (IRIS / name).read_text(encoding="utf-8")

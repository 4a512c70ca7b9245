"""What holds for the artifact of every framework: `ArtifactContract`, and a bundle that is saved, loaded and served.

A test class per artifact or format derives from `FrameworkContract` and fills in the hooks; its module imports the
library late (`tests/environments/late_import.py`) and marks the class with its environment.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from bentoml.exceptions import ArtifactLoadingException
from bentoml.saved_bundle import load
from tests.server.live import LiveServer, live_server, metrics_at_once
from tests.service.artifact_contract import METADATA, ArtifactContract

ROOT = Path(__file__).resolve().parents[2]
NAME = "Served"
VERSION = "1.0"
# Rounds of requests after which a server that never made a batch of two has no batches.
ROUNDS = 10


class Question(NamedTuple):
    """One request and the JSON value that must come back."""

    body: bytes
    answer: Any
    content_type: str = "application/json"


class FrameworkContract(ArtifactContract):
    """Override the hooks of `ArtifactContract` and these; the tests come with it."""

    service: ClassVar[str] = ""
    """Source of a module that defines the service `Served`: an artifact `model`, and an API `predict` with `batch=True`
    and the natural adapter of the framework. It has `@bentoml.env(infer_pip_packages=True)`."""
    pinned: ClassVar[tuple[str, ...]] = ()
    """Distributions that requirements.txt of the bundle pins; `requirement` when empty."""
    pickles: ClassVar[bool] = False
    """What `carries_pickle` says of the good object."""
    facts: ClassVar[dict[str, Any]] = {}
    """Some of the facts about the good object, beside `framework_version`, which is there always."""

    def questions(self, obj: Any) -> list[Question]:
        """Some requests, and what the service answers when the artifact holds `obj`."""
        raise NotImplementedError

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Whether two outcomes, or two answers, are the same; override it to allow a tolerance."""
        return bool(actual == expected)

    @pytest.fixture(scope="class")
    @classmethod
    def home(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Directory of the registry that the bundle is saved to."""
        return tmp_path_factory.mktemp("home")

    @pytest.fixture(scope="class")
    @classmethod
    def packed(cls) -> Any:
        """The object in the bundle."""
        return cls().good_object()

    @pytest.fixture(scope="class")
    @classmethod
    def bundle(cls, home: Path, packed: Any) -> Iterator[Path]:
        """The saved service with the packed object and `METADATA`."""
        module = f"served_{cls.__name__.lower()}"
        source = home / "source"
        source.mkdir()
        (source / f"{module}.py").write_text(cls.service, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENTOML_HOME", str(home))
            patch.syspath_prepend(str(source))
            service = getattr(importlib.import_module(module), NAME)()
            service.pack("model", packed, metadata=METADATA)
            yield Path(service.save(version=VERSION))
            del sys.modules[module]

    def test_bundle_loaded_in_a_fresh_process_gives_same_outcome_and_metadata(self, bundle: Path, packed: Any) -> None:
        allowed = "pickles" if self.pickles else "no-pickles"
        where = (type(self).__module__, type(self).__name__)
        answered = _run("-m", "tests.frameworks.fresh_process", str(bundle), allowed, *where)
        # Libraries say this and that before, and at the end of the process.
        seen = json.loads(next(line for line in answered.splitlines() if line.startswith('{"outcome"')))
        assert self.is_same(seen["outcome"], json.loads(json.dumps(self.outcome(packed))))
        assert seen["metadata"] == METADATA

    def test_bundle_pins_the_requirement(self, bundle: Path) -> None:
        lines = (bundle / "requirements.txt").read_text(encoding="utf-8").splitlines()
        for name in self.pinned or (self.requirement,):
            version = importlib.metadata.version(name).partition("+")[0]
            assert f"{name}=={version}" in lines

    def test_facts_tell_class_and_version(self, packed: Any) -> None:
        facts = self.new().pack(packed).facts()
        assert facts["framework_version"]
        assert self.facts.items() <= facts.items()

    def test_carries_pickle_before_and_after_says_the_same(self, bundle: Path, packed: Any) -> None:
        artifact = self.new().pack(packed)
        assert artifact.carries_pickle is self.pickles
        directory = str(bundle / NAME / "artifacts")
        assert self.new().has_pickle_in(directory) is self.pickles
        assert self.new().load(directory).carries_pickle is self.pickles

    def test_class_that_declares_formats_declares_this_one(self, bundle: Path) -> None:
        if not type(self.new()).formats:
            return  # an artifact for anything
        directory = bundle / NAME / "artifacts"
        written = {f"{name}/" if (directory / name).is_dir() else name for name in self.files}
        forms = [form for form in type(self.new()).formats if form.paths("model") == written]
        assert forms
        assert any(isinstance(form.runs_code, str) or form.runs_code is self.pickles for form in forms)

    def test_get_of_the_command_line_shows_what_was_recorded(self, bundle: Path, home: Path) -> None:
        printed = _run("-m", "bentoml", "get", f"{NAME}:{VERSION}", "-o", "json", BENTOML_HOME=str(home))
        (artifact,) = json.loads(printed)["bentoServiceMetadata"]["artifacts"]
        assert (artifact["name"], artifact["artifactType"]) == ("model", type(self.new()).__name__)
        assert artifact["metadata"] == METADATA
        assert artifact["carriesPickle"] is self.pickles
        assert self.facts.items() <= artifact["facts"].items()
        sizes = {file["path"]: file["sizeBytes"] for file in artifact["files"]}
        assert all((bundle / NAME / "artifacts" / path).stat().st_size == size for path, size in sizes.items())
        assert {path.partition("/")[0] for path in sizes} == {*self.files, "model.yml"}

    def test_load_without_pickles_refuses_those(self, bundle: Path) -> None:
        if not self.pickles:
            return  # the fresh process does without them
        with pytest.raises(ArtifactLoadingException, match=r"pickles are not allowed here: 'model' \("):
            load(bundle, allow_pickle=False)

    def test_server_answers_batches_and_shows_the_metadata(self, bundle: Path, packed: Any, home: Path) -> None:
        questions = self.questions(packed)
        assert len(questions) >= 2
        with live_server(bundle, home=home) as server:
            (artifact,) = server.client.get("/metadata").json()["artifacts"]
            assert artifact["metadata"] == METADATA
            for _ in range(ROUNDS):
                self._ask(server, questions)
                calls, requests = metrics_at_once(
                    server, f"BENTOML_{NAME}_mb_batch_size_count", f"BENTOML_{NAME}_mb_batch_size_sum"
                )
                if requests > calls > 0:
                    return
            pytest.fail(f"{requests} requests came in {calls} calls")

    def _ask(self, server: LiveServer, questions: list[Question]) -> None:
        """Ask everything eight times at once, and look at each answer."""
        many = questions * 8

        def answer(question: Question) -> tuple[int, str]:
            headers = {"Content-Type": question.content_type}
            response = server.client.post("/predict", content=question.body, headers=headers)
            return response.status_code, response.text

        with ThreadPoolExecutor(len(many)) as pool:
            answers = list(pool.map(answer, many))
        for question, (status, text) in zip(many, answers, strict=True):
            assert status == 200, text
            assert self.is_same(json.loads(text), question.answer), text


def _run(*arguments: str, **variables: str) -> str:
    """Run Python with these arguments in the root of the repository; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n")

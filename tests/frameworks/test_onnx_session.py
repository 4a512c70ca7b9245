"""Sessions of ONNX Runtime: devices, threads, processes, and what is sent to its makers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import ArtifactLoadingException, InvalidArgument
from bentoml.frameworks.onnx import OnnxModelArtifact, _providers_for
from tests.environments.late_import import late_import
from tests.frameworks import onnx_models
from tests.frameworks.onnx_models import graph_of, load, saved
from tests.server.live import LiveServer, live_server, metric, save_bundle
from tests.server.supervision.test_reload import wait_until

pytestmark = pytest.mark.environment("onnx")

onnxruntime = late_import("onnxruntime")

ROOT = Path(__file__).resolve().parents[2]
WEIGHT_BYTES = 64 << 20
PRELOADED = """
    import os

    import bentoml
    import numpy as np
    from bentoml.adapters import JsonInput
    from bentoml.frameworks.onnx import OnnxModelArtifact

    @bentoml.artifacts([OnnxModelArtifact("model")])
    class Wide(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def total(self, rows):
            session = self.artifacts.model
            (sums,) = session.run(None, {"x": np.ones((rows, 4096), np.float32)})
            return [os.getpid(), float(sums.sum()), session.get_session_options().intra_op_num_threads]
"""
PACK = """
    from tests.frameworks.onnx_models import lookup
    service.pack("model", lookup("MatMul", 4096))
"""
# The runtime tells its makers nothing either where one of these says that it is in continuous integration.
_SILENCES_RUNTIME = frozenset(
    [
        "ORT_DISABLE_TELEMETRY",
        "CI",
        "TF_BUILD",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "CIRCLECI",
        "TRAVIS",
        "JENKINS_URL",
        "CODEBUILD_BUILD_ID",
        "BUILDKITE",
        "TEAMCITY_VERSION",
        "APPVEYOR",
        "BITBUCKET_BUILD_NUMBER",
    ]
)


def test_loading_and_serving_needs_no_library_but_the_runtime(tmp_path: Path) -> None:
    saved(onnx_models.travellers(), tmp_path)
    script = (
        "import sys; sys.modules['onnx'] = None\n"
        "from bentoml.frameworks.onnx import OnnxModelArtifact\n"
        f"artifact = OnnxModelArtifact('model').load({str(tmp_path)!r})\n"
        f"artifact.save({str(tmp_path)!r})\n"
        "print(artifact.facts()['framework'])"
    )
    assert _python(script).stdout.strip() == "onnxruntime"


def test_session_is_made_when_the_artifact_is_loaded(tmp_path: Path) -> None:
    artifact = OnnxModelArtifact("model").load(str(saved(onnx_models.iris(), tmp_path)))
    (tmp_path / "model.onnx").unlink()
    assert artifact.get() is artifact.get()


@pytest.mark.parametrize(
    ("device", "providers"),
    [
        ("cpu", ["CPUExecutionProvider"]),
        ("cuda", [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"]),
        ("cuda:1", [("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"]),
    ],
)
def test_device_chooses_the_providers(device: str, providers: list[Any]) -> None:
    assert _providers_for(device) == providers


@pytest.mark.parametrize(
    ("device", "words"),
    [("cuda:1", "has no CUDAExecutionProvider, only .*CPUExecutionProvider; install onnxruntime-gpu"), ("mps", "mps")],
)
def test_device_that_is_not_there_says_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, words: str
) -> None:
    saved(onnx_models.iris(), tmp_path)
    monkeypatch.setenv("BENTOML_DEVICE", device)
    with pytest.raises(ArtifactLoadingException, match=words):
        load(tmp_path)
    assert load(tmp_path, providers=["CPUExecutionProvider"]).get_providers() == ["CPUExecutionProvider"]


def test_providers_that_are_not_there_are_refused(tmp_path: Path) -> None:
    saved(onnx_models.iris(), tmp_path)
    with pytest.raises(ArtifactLoadingException, match="has no TensorrtExecutionProvider, only"):
        load(tmp_path, providers=[("TensorrtExecutionProvider", {}), "CPUExecutionProvider"])


@pytest.mark.parametrize(("variable", "threads"), [("3", 3), ("2,4", 2), ("many", 0), ("", 0)])
def test_threads_are_those_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, threads: int
) -> None:
    saved(onnx_models.iris(), tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert load(tmp_path).get_session_options().intra_op_num_threads == threads


def test_options_of_the_user_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(onnx_models.iris(), tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    options = onnxruntime.SessionOptions()
    options.enable_mem_pattern = False
    used = load(tmp_path, session_options=options).get_session_options()
    assert (used.enable_mem_pattern, used.intra_op_num_threads) == (False, 3)
    options.intra_op_num_threads = 1
    assert load(tmp_path, session_options=options).get_session_options().intra_op_num_threads == 1


def test_options_may_be_values_by_attribute(tmp_path: Path) -> None:
    saved(onnx_models.iris(), tmp_path)
    used = load(tmp_path, session_options={"intra_op_num_threads": 2, "log_severity_level": 3}).get_session_options()
    assert (used.intra_op_num_threads, used.log_severity_level) == (2, 3)
    with pytest.raises(InvalidArgument, match="no attribute 'threads'"):
        load(tmp_path, session_options={"threads": 2})


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("allowed", [False, True], ids=["by default", "allowed"])
def test_runtime_tells_its_makers_nothing_unless_allowed(tmp_path: Path, allowed: bool) -> None:
    saved(graph_of(), tmp_path)
    script = (
        "import os, time\nfrom pathlib import Path\n"
        "from bentoml.frameworks.onnx import OnnxModelArtifact\n"
        f"before = dict(os.environ)\nOnnxModelArtifact('model').load({str(tmp_path)!r})\n"
        "assert dict(os.environ) == before\n"
        "def traces(): return len(list(Path.home().rglob('onnxruntime.db'))) + len(os.listdir('/proc/self/task')) - 1\n"
        # What tells them starts in a thread of its own, when it likes.
        f"deadline = time.monotonic() + 20 * {allowed}\n"
        "while not traces() and time.monotonic() < deadline: time.sleep(0.01)\n"
        "print(traces())"
    )
    # One thread for the session, and none for BLAS.
    variables = {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = _python(script, **variables, **({"ORT_DISABLE_TELEMETRY": "0"} if allowed else {}))
    assert (int(done.stdout) > 0) is (allowed and onnxruntime_has_telemetry())


def onnxruntime_has_telemetry() -> bool:
    """Whether it is a version that sends something on Linux, as those since 1.29 do."""
    library = Path(onnxruntime.__file__).parent / "capi"
    return any(b"ORT_DISABLE_TELEMETRY" in file.read_bytes() for file in library.glob("onnxruntime_pybind11_state*"))


def _python(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key not in _SILENCES_RUNTIME}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**inherited, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_preloaded_workers_share_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the one that packs
    bundle = save_bundle(tmp_path, PRELOADED, class_name="Wide", pack=PACK)
    arguments = ("--workers", "2", "--preload")
    with live_server(bundle, *arguments, home=tmp_path / "home", command="serve-gunicorn") as server:
        wait_until(lambda: metric(server, "BENTOML_Wide_workers") == 2, "had 2 workers", server)
        assert "has threads" not in server.output()
        heard: set[int] = set()

        def have_both_answered() -> bool:
            heard.update(_ask(server))
            return len(heard) == 2

        wait_until(have_both_answered, "heard both workers", server)
        for pid in heard:
            memory = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            own = sum(int(size) << 10 for size in re.findall(r"^Private_\w+: +(\d+) kB", memory, re.MULTILINE))
            assert own < WEIGHT_BYTES / 2
        assert server.stop() == 0


def _ask(server: LiveServer) -> list[int]:
    """Numbers of the processes that have answered; each had one thread."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda rows: server.client.post("/total", json=rows).json(), (1, 2, 3, 64)))
    assert [(total, threads) for _, total, threads in answers] == [
        (rows * 4096 * 4096 * 0.5, 1) for rows in (1, 2, 3, 64)
    ]
    return [pid for pid, _, _ in answers]

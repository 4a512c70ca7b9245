"""Rows per second of offline batch on iris rows, beside the loop that one would write with pandas.

Both start a process, load the model, read the same file and write the same answers. `python -m benchmarks.offline`
prints a line for each: seconds, rows per second, and the memory of all its processes at their highest.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

LOOP = """
import sys
import joblib
import pandas as pd
model, source, output = sys.argv[1:]
predict = joblib.load(model).predict
def chunks():
    if source.endswith(".csv"):
        yield from pd.read_csv(source, chunksize=100_000)
    else:
        import pyarrow.parquet as pq
        with pq.ParquetFile(source) as file:
            for batch in file.iter_batches(100_000):
                yield batch.to_pandas()
with open(output, "w") as written:
    for number, frame in enumerate(chunks()):
        pd.DataFrame({"result": predict(frame)}).to_csv(written, index=False, header=number == 0)
"""
SERVICE = """
import sys
import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact

@bentoml.artifacts([SklearnModelArtifact("model")])
class Iris(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self, frame):
        return self.artifacts.model.predict(frame)
"""
PREPARE = """
import sys
import joblib, numpy as np, pandas as pd
from pathlib import Path
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from iris_offline import Iris
rows = int(sys.argv[1])
iris = load_iris(as_frame=True)
model = LogisticRegression(max_iter=1000).fit(iris.data, iris.target)
joblib.dump(model, "model.joblib")
service = Iris()
service.pack("model", model)
Path("bundle").mkdir()
service.save_to_dir("bundle")
noise = np.random.default_rng(0).normal(0, 0.2, (rows, 4))
values = np.round(iris.data.to_numpy()[np.arange(rows) % 150] + noise, 2)
frame = pd.DataFrame(values, columns=iris.data.columns)
frame.to_csv("rows.csv", index=False)
frame.to_parquet("rows.parquet", row_group_size=500_000)
"""


def measured(argv: list[str], directory: Path) -> tuple[float, float]:
    """Seconds that a command takes, and the highest sum of the memory of its processes, in MiB."""
    began_s = time.monotonic()
    peak_kib = 0
    ended = threading.Event()
    with subprocess.Popen(argv, cwd=directory, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:

        def watch() -> None:
            nonlocal peak_kib
            while not ended.wait(0.05):
                peak_kib = max(peak_kib, memory_kib(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        code = process.wait()
        seconds = time.monotonic() - began_s
        ended.set()
        watching.join()
    if code != 0:
        raise SystemExit(f"{' '.join(argv[:3])} ended with exit code {code}")
    return seconds, peak_kib / 1024


def memory_kib(pid: int) -> int:
    """The private and shared memory (PSS) of a process and of those that it has started."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return 0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return own + sum(memory_kib(int(child)) for child in children)


def main() -> None:
    """Measure both, on both formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    bentoml = str(Path(sys.executable).with_name("bentoml"))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "iris_offline.py").write_text(SERVICE, encoding="utf-8")
        subprocess.run([sys.executable, "-c", PREPARE, str(options.rows)], cwd=directory, check=True)
        for kind in ("csv", "parquet"):
            source = f"rows.{kind}"
            contestants = {"loop": [sys.executable, "-c", LOOP, "model.joblib", source, "loop.csv"]}
            for workers in options.workers:
                words = ["--input-file", source, "--output", "ours.csv", "--overwrite", "--workers", str(workers), "-q"]
                contestants[f"bentoml run, workers {workers}"] = [bentoml, "run", "bundle", "predict", *words]
            for label, argv in contestants.items():
                runs = [measured(argv, directory) for _ in range(options.repeats)]
                seconds, memory = sorted(runs)[len(runs) // 2]
                print(f"{kind}: {label}: {seconds:.2f} s, {options.rows / seconds:,.0f} rows/s, {memory:,.0f} MiB")
            if not filecmp.cmp(directory / "loop.csv", directory / "ours.csv", shallow=False):
                raise SystemExit(f"{kind}: the answers differ")


if __name__ == "__main__":
    main()

"""The example of screening: a forest of scikit-learn that ONNX Runtime serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("onnx")


def test_screening_when_served_without_scikit_learn_answers_as_it_does(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("screening", tmp_path)
    rows, is_benign = load_breast_cancer(return_X_y=True)
    rows, held_out, is_benign, held_out_is_benign = train_test_split(
        rows.astype(np.float32), is_benign, stratify=is_benign, random_state=0
    )
    forest = RandomForestClassifier(random_state=0).fit(rows, is_benign)

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        client = server.client

        def ask(some: np.ndarray) -> Any:
            return client.post("/screen", json=some.tolist()).raise_for_status().json()

        answers = ask_at_once(ask, np.array_split(held_out, 40))

    malignant = np.concatenate(answers)
    assert np.allclose(malignant, forest.predict_proba(held_out)[:, 0], atol=0.002)
    assert np.mean((malignant < 0.5) == held_out_is_benign) > 0.92
    requirements = (trained.bundle / "requirements.txt").read_text(encoding="utf-8")
    assert ("onnxruntime==" in requirements, "scikit-learn" in requirements) == (True, False)

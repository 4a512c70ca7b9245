"""The example of repairs: tensors through a network of PyTorch."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("torch")


def test_repairs_when_served_come_nearer_to_pictures_that_were_held_out(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("repairs", tmp_path)
    damaged = np.load(tmp_path / "damaged.npy")
    _, whole = train_test_split(load_digits().images / 16, random_state=0)

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        client = server.client

        def ask(pictures: np.ndarray) -> np.ndarray:
            file = io.BytesIO()
            np.save(file, pictures)
            answer = client.post("/repair", content=file.getvalue(), headers={"Accept": "application/x-npy"})
            return np.asarray(np.load(io.BytesIO(answer.raise_for_status().content)))

        repaired = np.concatenate(ask_at_once(ask, np.array_split(damaged, 30)))
        as_text = client.post("/repair", json=damaged[:1].tolist()).json()

    assert repaired.dtype == np.float32
    error, error_before = np.mean((repaired - whole) ** 2), np.mean((damaged - whole) ** 2)
    assert error < 0.4 * error_before
    assert np.allclose(as_text, repaired[:1], atol=1e-5)

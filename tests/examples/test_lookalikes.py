"""The example of lookalikes: arrays as files of NumPy, in requests and answers."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from tests.examples.example import train
from tests.server.live import live_server


def test_lookalikes_when_served_by_two_workers_show_the_same_digit(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("lookalikes", tmp_path)
    unseen = (tmp_path / "unseen.npy").read_bytes()
    _, digits = load_digits(return_X_y=True)

    with live_server(trained.bundle, "--workers", "2", home=bentoml_home, command="serve-gunicorn") as server:
        answer = server.client.post("/find", content=unseen, headers={"Accept": "application/x-npy"})
        as_text = server.client.post("/find", json=np.load(io.BytesIO(unseen))[:2].tolist()).json()

    assert answer.headers["content-type"] == "application/x-npy"
    found = np.load(io.BytesIO(answer.content))
    assert found.shape == (297, 5)
    assert (digits[found] == digits[1500:, np.newaxis]).mean() > 0.9
    assert as_text == found[:2].tolist()

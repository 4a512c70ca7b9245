"""The example of diabetes: predictions, and what became of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("boosters")


def records_of(log: Path) -> dict[str, Any]:
    """The lines of a log by the id of their request."""
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {record["request_id"]: record for record in records}


def test_diabetes_when_served_can_be_compared_with_the_outcome(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("diabetes", tmp_path)
    data = load_diabetes(as_frame=True, scaled=False)
    _, patients, _, progression = train_test_split(data.data, data.target, random_state=0)
    rows = patients.astype({"sex": "int64"}).to_dict("records")

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        client = server.client

        def ask(number: int) -> None:
            head = {"X-Request-Id": f"patient-{number}"}
            client.post("/predict", json=[rows[number]], headers=head).raise_for_status()
            outcome = {"request_id": f"patient-{number}", "progression": progression.iloc[number]}
            client.post("/feedback", json=outcome).raise_for_status()

        ask_at_once(ask, range(len(rows)))
        short = client.post("/predict", json=[{"age": 59.0}])
        metadata = client.get("/metadata").json()["artifacts"][0]["metadata"]
        assert server.stop() == 0

    predicted = records_of(bentoml_home / "logs" / "prediction.log")
    told = records_of(bentoml_home / "logs" / "feedback.log")
    assert len(told) == len(rows)
    pairs = [(json.loads(predicted[name]["result"]["data"])[0], told[name]["progression"]) for name in told]
    error = np.mean([abs(prediction["median"] - outcome) for prediction, outcome in pairs])
    in_range = np.mean([prediction["low"] <= outcome <= prediction["high"] for prediction, outcome in pairs])
    always_the_median = np.abs(progression - data.target.median()).mean()
    assert error < 0.85 * always_the_median
    assert 0.6 < in_range < 0.95
    assert metadata["held_out"]["mean_absolute_error"] == pytest.approx(error, abs=0.5)
    assert (short.status_code, "'sex' is missing" in short.text) == (400, True)

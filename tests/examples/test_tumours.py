"""The example of tumours: typed requests, with reasons in the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

NAMES = ["radius", "texture", "smoothness", "concavity"]


def held_out() -> tuple[list[dict[str, float]], list[bool]]:
    """The tumours that the training has not seen, and which of them are malignant."""
    data = load_breast_cancer(as_frame=True)
    rows, is_malignant = data.data[[f"worst {name}" for name in NAMES]].set_axis(NAMES, axis=1), data.target == 0
    _, rows, _, is_malignant = train_test_split(rows, is_malignant, stratify=is_malignant, random_state=0)
    return rows.to_dict("records"), is_malignant.tolist()


def test_tumours_when_served_without_pickles_are_told_apart_with_reasons(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("tumours", tmp_path)
    rows, is_malignant = held_out()

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        client = server.client

        def ask(row: dict[str, float]) -> Any:
            return client.post("/diagnose", json=row).raise_for_status().json()

        findings = ask_at_once(ask, rows)
        missing = client.post("/diagnose", json=dict(list(rows[0].items())[:3]))
        negative = client.post("/diagnose", json=rows[0] | {"radius": -1.0})
        described = client.get("/docs.json").json()

    told = [finding["is_malignant"] for finding in findings]
    assert np.mean(np.equal(told, is_malignant)) > 0.95
    log_odds = np.array([sum(finding["reasons"].values()) for finding in findings])
    odds = np.array([finding["probability"] for finding in findings])
    between = (odds > 0.05) & (odds < 0.95)
    offsets = np.log(odds[between] / (1 - odds[between])) - log_odds[between]
    assert between.sum() > 10
    assert np.ptp(offsets) < 0.1  # the reasons add up: what they leave is the same for all, but for digits cut off
    assert (missing.status_code, missing.text) == (400, "$.concavity: is missing")
    assert (negative.status_code, negative.text) == (400, "$.radius: expected float > 0.0")
    content = described["paths"]["/diagnose"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"]["properties"]["smoothness"]["maximum"] == 1

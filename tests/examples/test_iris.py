"""The iris example."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_iris

from tests.examples.example import train
from tests.server.live import live_server


def test_iris_when_served_tells_the_species(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("iris", tmp_path)
    assert trained.bundle.parent == bentoml_home / "repository" / "IrisClassifier"

    flowers, species = load_iris(return_X_y=True)
    with live_server(trained.bundle, home=bentoml_home) as server:
        answer = server.client.post("/predict", json=flowers.tolist()).json()
    assert (answer == species).mean() > 0.95

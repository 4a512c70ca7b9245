"""The example of cars: a file of rows in, a file of rows out."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from tests.examples.example import train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("boosters")


def test_cars_when_served_as_csv_are_estimated_also_with_gaps(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("cars", tmp_path)
    file = (tmp_path / "cars.csv").read_bytes()
    cars = pd.read_csv(io.BytesIO(file))

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        answer = server.client.post("/estimate", files={"file": ("cars.csv", file)}, headers={"Accept": "text/csv"})
        gaps = cars.drop(columns="Year").head(20).assign(Origin=None, Horsepower=None).to_json(orient="records")
        with_gaps = server.client.post("/estimate", content=gaps).json()
        wrong = server.client.post("/estimate", content=gaps.replace('"Cylinders":8.0', '"Cylinders":"eight"'))

    assert answer.headers["content-type"].startswith("text/csv")
    estimates = pd.read_csv(io.BytesIO(answer.content))["Miles_per_Gallon"]
    truth = cars["Miles_per_Gallon"]
    assert len(estimates) == 100
    assert (estimates - truth).abs().mean() < 3.5 < (truth - truth.median()).abs().mean()
    rough = pd.DataFrame(with_gaps)["Miles_per_Gallon"]
    assert (rough - truth.head(20)).abs().mean() < (truth.head(20) - truth.median()).abs().mean()
    assert wrong.status_code == 400

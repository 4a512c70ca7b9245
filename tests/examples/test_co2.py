"""The example of CO2: a forecast."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from tests.environments.late_import import late_import
from tests.examples.example import train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("boosters")

co2 = late_import("statsmodels.datasets.co2")


def test_co2_when_served_is_foretold_for_two_years(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("co2", tmp_path)

    with live_server(trained.bundle, home=bentoml_home) as server:
        rows = server.client.post("/forecast", json=24).json()
        text = server.client.post("/forecast", json=24, headers={"Accept": "text/csv"}).text
        refused = {months: server.client.post("/forecast", json=months).status_code for months in (0, 1, 120, 121)}

    forecast = pd.DataFrame(rows)
    assert pd.read_csv(io.StringIO(text)).equals(forecast)
    measured = co2.load_pandas().data["co2"].resample("MS").mean()["2000":]
    assert forecast["month"].tolist() == measured.index.strftime("%Y-%m").tolist()
    error = (forecast["ppm"] - measured.to_numpy()).abs()
    assert error.mean() < 0.5
    inside = (forecast["low"] <= measured.to_numpy()) & (measured.to_numpy() <= forecast["high"])
    assert inside.mean() > 0.9
    assert refused == {0: 400, 1: 200, 120: 200, 121: 400}

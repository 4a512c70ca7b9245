"""The example of wine: two models, one of which guards the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

Rows = list[dict[str, float | None]]


def test_wines_when_served_together_get_their_cultivars_and_strange_ones_a_422(
    tmp_path: Path, bentoml_home: Path
) -> None:
    trained = train("wine", tmp_path)
    data = load_wine(as_frame=True)
    _, wines, _, cultivars = train_test_split(data.data, data.target, stratify=data.target, random_state=0)
    rows: Rows = wines.to_dict("records")

    with live_server(trained.bundle, home=bentoml_home) as server:
        client = server.client

        def ask(some: Rows) -> tuple[int, Any]:
            answer = client.post("/classify", json=some)
            return answer.status_code, answer.json() if answer.status_code == 200 else answer.text

        is_known = client.post("/check", json=rows).json()
        known = [row for row, is_one in zip(rows, is_known, strict=True) if is_one]
        requests = [known[start : start + 4] for start in range(0, len(known), 4)]
        strange = [[*some[:1], some[1] | {"alcohol": 40.0}, *some[2:]] for some in requests[:3]]
        gaps = [[some[0] | {"hue": None}] for some in requests[:3]]
        mixed = ask_at_once(ask, [*strange, *requests, *gaps])
        short = client.post("/classify", json=[{"alcohol": 13.0}])

    assert sum(is_known) > 40
    assert mixed[:3] == [(422, "not like any wine that the model knows: rows [1]")] * 3
    assert mixed[-3:] == [(422, "not like any wine that the model knows: rows [0]")] * 3
    told = [cultivar for _, answer in mixed[3:-3] for cultivar in answer]
    assert np.mean(np.equal(told, cultivars[is_known])) > 0.95
    assert (short.status_code, "'malic_acid' is missing" in short.text) == (400, True)

"""The example of questions: text in requests."""

from __future__ import annotations

from pathlib import Path

from tests.examples.example import train
from tests.server.live import live_server

QUESTIONS = {
    "How do I fit a smooth curve through points?": "interpolate",
    "How do I find the minimum of a function?": "optimize",
    "solve an ordinary differential equation": "integrate",
    "Is the difference between two samples significant?": "stats",
    "blur an image": "ndimage",
    "Which points are nearest to this one?": "spatial",
    "eigenvalues of a matrix": "linalg",
    "How do I store a matrix of mostly zeros?": "sparse",
    "Which frequencies are in my data?": "signal",
    "Compute a Bessel function": "special",
}


def test_questions_when_served_find_their_part_of_scipy(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("questions", tmp_path)
    accuracy = float(trained.printed.split("\n")[0].rpartition(" ")[2])
    assert accuracy > 0.9

    with live_server(trained.bundle, home=bentoml_home) as server:
        answers = [server.client.post("/route", content=question).json() for question in QUESTIONS]
        greeting = server.client.post("/route", content="Hello!").json()
        packed = server.client.get("/metadata").json()

    right = [answer["part"] == part for answer, part in zip(answers, QUESTIONS.values(), strict=True)]
    assert sum(right) >= 8
    assert all(answer["certainty"] > 0.3 for answer in answers)
    assert greeting["certainty"] < 0.3
    (artifact,) = packed["artifacts"]
    assert round(artifact["metadata"]["accuracy"], 3) == accuracy

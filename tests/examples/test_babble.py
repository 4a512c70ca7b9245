"""The example of babble: an answer that is sent while it is made."""

from __future__ import annotations

from pathlib import Path
from pydoc_data.topics import topics

from tests.examples.example import train
from tests.server.live import live_server


def test_babble_when_served_streams_words_that_follow_each_other(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("babble", tmp_path)
    asked = {"start": ["a", "class"], "words": 200, "seed": 3}

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        text = server.client.post("/write", json=asked).text
        again = server.client.post("/write", json=asked).text
        other = server.client.post("/write", json=asked | {"seed": 4}).text
        with server.client.stream("POST", "/write", json=asked, headers={"Accept": "text/event-stream"}) as answer:
            events = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
        wrong = server.client.post("/write", json=asked | {"start": ["a"]})

    assert text == again == "".join(events)
    assert text != other
    words = text.split()
    assert len(events) == len(words) - 1 > 100
    corpus = " ".join(" ".join(topic.split()) for topic in topics.values())
    assert all(" ".join(words[place : place + 3]) in corpus for place in range(len(words) - 2))
    assert (wrong.status_code, wrong.text) == (400, "$.start: expected array of length 2")

"""The example of languages: text that training and serving prepare alike."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

pytestmark = pytest.mark.environment("language")

LANGUAGES = ["da", "de", "en", "es", "fi", "fr", "id", "it", "nl", "pl", "pt", "ro", "sv", "tr"]


def test_languages_when_served_are_told_from_sentences_of_another_source(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("languages", tmp_path)
    sentences = {
        text: language for language in LANGUAGES for text in import_module(f"spacy.lang.{language}.examples").sentences
    }

    with live_server(trained.bundle, "--no-pickle", home=bentoml_home) as server:
        client = server.client
        told = ask_at_once(lambda text: client.post("/detect", content=text.encode()).json(), sentences)
        no_word = client.post("/detect", content="12 %").json()

    right = [answer["language"] == language for answer, language in zip(told, sentences.values(), strict=True)]
    assert sum(right) / len(right) > 0.85
    assert no_word["certainty"] < 0.5

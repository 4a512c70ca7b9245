"""The example of digits: pictures in requests."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tests.examples.example import ask_at_once, train
from tests.server.live import live_server

ASKED = 150


def as_file(row: np.ndarray, image_format: str, size: int) -> tuple[str, bytes]:
    """A row of the data, brightness 0 to 16, as a picture `(size, size)`: name and content of its file."""
    picture = Image.fromarray((row.reshape(8, 8) * (255 / 16)).astype(np.uint8)).resize((size, size))
    file = io.BytesIO()
    picture.save(file, image_format)
    return f"digit.{image_format}", file.getvalue()


def test_digits_when_served_are_read_from_pictures(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("digits", tmp_path)
    _, rows, _, digits = train_test_split(*load_digits(return_X_y=True), random_state=0)
    kinds = [("png", 8), ("jpeg", 80), ("bmp", 64)]
    pictures = [as_file(row, *kinds[number % 3]) for number, row in enumerate(rows[:ASKED])]

    with live_server(trained.bundle, home=bentoml_home) as server:
        client = server.client

        def ask(named: tuple[str, bytes]) -> int:
            return int(client.post("/read", files={"file": named}).raise_for_status().text)

        read = ask_at_once(ask, pictures)
        upload = (tmp_path / "digit.png").read_bytes()
        shown = client.post("/read", content=upload, headers={"Content-Type": "image/png"}).text
        refused = client.post("/read", content=b"2", headers={"Content-Type": "image/png"})

    assert np.mean(np.equal(read, digits[:ASKED])) > 0.95
    assert f"digit.png is one of them, a {shown}\n" in trained.printed
    assert refused.status_code == 400

"""The example of colours: a picture in, a picture out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from tests.examples.example import train
from tests.server.live import live_server


def test_colours_when_served_paint_a_photograph_with_sixteen(tmp_path: Path, bentoml_home: Path) -> None:
    trained = train("colours", tmp_path)
    photograph = (tmp_path / "china.png").read_bytes()

    with live_server(trained.bundle, home=bentoml_home) as server:
        painted = server.client.post("/paint", files={"file": ("china.png", photograph)})
        headers = {"Content-Type": "image/png", "Accept": "image/webp"}
        webp = server.client.post("/paint", content=photograph, headers=headers)

    assert painted.headers["content-type"] == "image/png"
    pixels = np.asarray(Image.open(io.BytesIO(painted.content)))
    original = load_sample_image("china.jpg")
    assert pixels.shape == original.shape == (427, 640, 3)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == 16
    assert np.abs(pixels.astype(float) - original).mean() < 12  # of 255: it is still the same picture
    assert webp.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(webp.content)).format == "WEBP"

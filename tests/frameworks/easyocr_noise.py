"""Networks of EasyOCR with seeded noise for weights, and pictures of words for them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from tests.environments.late_import import late_import

if TYPE_CHECKING:
    from pathlib import Path

config = late_import("easyocr.config")
craft = late_import("easyocr.craft")
imgproc = late_import("easyocr.imgproc")
torch = late_import("torch")
vgg_model = late_import("easyocr.model.vgg_model")

DETECTOR, RECOGNIZER = "craft_mlt_25k.pth", "english_g2.pth"


def write_networks(directory: Path) -> None:
    """Write the files of the detector and of the recognizer, the same at every call."""
    torch.manual_seed(0)
    for file, weights in ((DETECTOR, _detector_weights()), (RECOGNIZER, _recognizer_weights())):
        torch.save({f"module.{name}": values for name, values in weights.items()}, directory / file)


def picture(text: str) -> Image.Image:
    image = Image.new("RGB", (64, 32), "white")
    ImageDraw.Draw(image).text((4, 4), text, fill="black", font_size=20)
    return image


def png(text: str) -> bytes:
    file = io.BytesIO()
    picture(text).save(file, "PNG")
    return file.getvalue()


def _noise(module: Any, scale: dict[str, float]) -> dict[str, Any]:
    """Weights of a network, with kernels of one value each so that the file is small.

    Args:
        module: gives names and shapes.
        scale: factors by a part of the name.
    """
    weights: dict[str, Any] = module.state_dict()
    for name, values in weights.items():
        factor = next((factor for part, factor in scale.items() if part in name), 1.0)
        if values.dim() == 4:
            weights[name] = (values[:, :, :1, :1] * factor).expand(values.shape)
        elif values.is_floating_point():
            weights[name] = values * factor
    return weights


def _detector_weights() -> dict[str, Any]:
    """Such that about half of a picture is text."""
    network = craft.CRAFT().eval()
    weights = _noise(network, {})
    network.load_state_dict(weights)
    pixels = imgproc.normalizeMeanVariance(np.array(picture("Hi")))
    with torch.no_grad():
        scores = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None]))[0][..., 0]
    weights["conv_cls.8.weight"] = weights["conv_cls.8.weight"] * (0.3 / scores.std())
    weights["conv_cls.8.bias"] = (0.5 - 0.3 * scores.mean() / scores.std()).expand(2)
    return weights


def _recognizer_weights() -> dict[str, Any]:
    """Such that the letters depend on the picture."""
    characters = config.recognition_models["gen2"]["english_g2"]["characters"]
    network = vgg_model.Model(1, 256, 256, len(characters) + 1)
    return _noise(network, {"FeatureExtraction": 2, "rnn.weight": 6, "linear.weight": 6, "Prediction.weight": 60})

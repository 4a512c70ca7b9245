import bentoml
import numpy as np
from bentoml.adapters import ImageInput
from bentoml.frameworks.sklearn import SklearnModelArtifact
from PIL import Image


def to_row(picture):
    """The 64 brightnesses, from 0 to 1, of a grey picture of any size."""
    return np.asarray(Image.fromarray(picture).resize((8, 8), Image.Resampling.BOX)).ravel() / 255


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class DigitReader(bentoml.BentoService):
    """Reads a digit, written in white on black."""

    @bentoml.api(input=ImageInput(pilmode="L"), batch=True)
    def read(self, pictures):
        return self.artifacts.model.predict(np.stack([to_row(picture) for picture in pictures]))

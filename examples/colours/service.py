import bentoml
import numpy as np
from bentoml.adapters import ImageInput, ImageOutput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class ColourReducer(bentoml.BentoService):
    """Paints a picture with the colours of a palette."""

    @bentoml.api(input=ImageInput(), output=ImageOutput(), batch=True)
    def paint(self, pictures):
        palette = self.artifacts.model.cluster_centers_.astype(np.uint8)
        return [
            palette[self.artifacts.model.predict(picture.reshape(-1, 3).astype(float))].reshape(picture.shape)
            for picture in pictures
        ]

import bentoml
from bentoml.adapters import NumpyNdarrayInput
from bentoml.frameworks.onnx import OnnxModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([OnnxModelArtifact("model")])
class TumourScreening(bentoml.BentoService):
    """The probability that a tumour is malignant, by all thirty values of an image of its cells."""

    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 30)), batch=True)
    def screen(self, rows):
        (probabilities,) = self.artifacts.model.run(["probabilities"], {"X": rows})
        return probabilities[:, 0].round(3)  # class 0 is malignant

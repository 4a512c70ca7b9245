import bentoml
from bentoml.adapters import NumpyNdarrayInput, NumpyNdarrayOutput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("index")])
class LookalikeFinder(bentoml.BentoService):
    """Finds the handwritten digits that look most like a given one."""

    @bentoml.api(input=NumpyNdarrayInput(dtype="float32", shape=(None, 64)), output=NumpyNdarrayOutput(), batch=True)
    def find(self, pictures):
        """Answers pictures `(rows, 64)` with the positions `(rows, 5)` of the nearest ones, best first."""
        return self.artifacts.index.kneighbors(pictures, return_distance=False)

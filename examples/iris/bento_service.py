import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class IrisClassifier(bentoml.BentoService):
    """Tells the species of an iris from the length and width of its sepals and petals, in centimetres."""

    @bentoml.api(input=DataframeInput(http_input_example=[[5.1, 3.5, 1.4, 0.2]]), batch=True)
    def predict(self, df):
        return self.artifacts.model.predict(df)

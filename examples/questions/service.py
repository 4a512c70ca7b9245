import bentoml
from bentoml.adapters import StringInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class QuestionRouter(bentoml.BentoService):
    """Says which part of SciPy answers a question."""

    @bentoml.api(input=StringInput(http_input_example="How do I find the minimum of a function?"), batch=True)
    def route(self, questions):
        model = self.artifacts.model
        return [
            {"part": model.classes_[probabilities.argmax()], "certainty": round(probabilities.max(), 2)}
            for probabilities in model.predict_proba(questions)
        ]

import bentoml
from bentoml.adapters import JsonInput


@bentoml.env(infer_pip_packages=True)
class LengthService(bentoml.BentoService):
    """Tells how long a JSON text is."""

    @bentoml.api(input=JsonInput(), batch=True)
    def length(self, texts):
        return [len(text) for text in texts]

    @bentoml.api(input=JsonInput(), batch=False)
    def length_one(self, text):
        return len(text)

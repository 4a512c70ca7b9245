import bentoml
from bentoml.adapters import JsonInput
from bentoml.adapters.base import BaseInputAdapter
from bentoml.types import InferenceTask


class BytesInput(BaseInputAdapter):
    """Hands the bodies to the function as they came."""

    BATCH_MODE_SUPPORTED = True

    @property
    def request_schema(self):
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

    def from_http_request(self, req):
        return InferenceTask(data=req.body, http_method=req.method, http_headers=req.headers)

    def extract_user_func_args(self, tasks):
        return ([task.data for task in tasks],)


@bentoml.env(infer_pip_packages=True)
class LengthService(bentoml.BentoService):
    """Tells how long a body is."""

    @bentoml.api(input=BytesInput(), batch=True)
    def length(self, bodies):
        return [len(body) for body in bodies]

    @bentoml.api(input=JsonInput(), batch=True)
    def length_of_text(self, texts):
        return [len(text) for text in texts]

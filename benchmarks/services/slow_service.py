import time

import bentoml
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact

CALL_S = 0.010
ROW_S = 0.001


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model")])
class SlowIrisClassifier(bentoml.BentoService):
    """An iris classifier that waits 10 ms for each call and 1 ms for each row, as if the model ran on a device."""

    @bentoml.api(input=DataframeInput(), batch=True, mb_max_batch_size=32, mb_max_latency=300)
    def predict(self, df):
        time.sleep(CALL_S + ROW_S * len(df))
        return self.artifacts.model.predict(df)

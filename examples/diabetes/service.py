import bentoml
import pandas as pd
import xgboost
from bentoml.adapters import DataframeInput, DataframeOutput
from bentoml.frameworks.xgboost import XgboostModelArtifact

PATIENT = {
    "age": "float64",  # years
    "sex": "int64",  # 1 or 2
    "bmi": "float64",  # body mass index
    "bp": "float64",  # mean blood pressure
    **{f"s{number}": "float64" for number in range(1, 7)},  # six values of the blood serum
}


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([XgboostModelArtifact("model")])
class DiabetesProgression(bentoml.BentoService):
    """Foretells how far diabetes will have gone on in a year, on a scale from 25 to 346."""

    @bentoml.api(
        input=DataframeInput(columns=list(PATIENT), dtype=PATIENT),
        output=DataframeOutput(),
        batch=True,
    )
    def predict(self, patients):
        """The median, and the range in which four of five patients are."""
        quantiles = self.artifacts.model.predict(xgboost.DMatrix(patients))
        return pd.DataFrame(quantiles.round(), columns=["low", "median", "high"])

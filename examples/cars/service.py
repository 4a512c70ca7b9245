import bentoml
import pandas as pd
from bentoml.adapters import DataframeInput, DataframeOutput
from bentoml.frameworks.catboost import CatBoostModelArtifact

CAR = {
    "Origin": "str",
    "Cylinders": "float64",
    "Displacement": "float64",
    "Horsepower": "float64",
    "Weight_in_lbs": "float64",
    "Acceleration": "float64",
}


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([CatBoostModelArtifact("model")])
class FuelEconomy(bentoml.BentoService):
    """Estimates how many miles a car of the seventies drives with a gallon."""

    @bentoml.api(input=DataframeInput(columns=list(CAR), dtype=CAR), output=DataframeOutput(), batch=True)
    def estimate(self, cars):
        cars = cars.fillna({"Origin": "unknown"})
        return pd.DataFrame({"Miles_per_Gallon": self.artifacts.model.predict(cars).round(1)})

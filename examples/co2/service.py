from typing import Annotated

import bentoml
import pandas as pd
from bentoml.service.artifacts.common import PickleArtifact
from msgspec import Meta

Months = Annotated[int, Meta(ge=1, le=120, description="how many months to look ahead")]


@bentoml.env(pip_packages=["pandas", "statsmodels"])
@bentoml.artifacts([PickleArtifact("model")])
class CarbonDioxide(bentoml.BentoService):
    """Foretells how much carbon dioxide is in the air on Mauna Loa, in parts per million."""

    @bentoml.api()
    def forecast(self, months: Months) -> pd.DataFrame:
        """For each month the mean, and the range that is right in 19 of 20 cases."""
        model = self.artifacts.model
        first = model.nobs
        table = model.get_prediction(first, first + months - 1).summary_frame(alpha=0.05).round(1)
        table.columns = ["ppm", "low", "high"]
        return table.rename_axis("month").reset_index().assign(month=lambda rows: rows["month"].dt.strftime("%Y-%m"))

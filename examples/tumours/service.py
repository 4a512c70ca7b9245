import bentoml
import pandas as pd
from bentoml.frameworks.sklearn import SklearnModelArtifact
from pydantic import BaseModel, Field


class Nuclei(BaseModel):
    """The cell nuclei in one image of a biopsy: the largest values that were measured."""

    radius: float = Field(gt=0, description="mean distance from the centre to the outline", examples=[25.4])
    texture: float = Field(gt=0, description="standard deviation of the grey values", examples=[17.3])
    smoothness: float = Field(gt=0, lt=1, description="local variation of the radius", examples=[0.16])
    concavity: float = Field(ge=0, description="how deep the dents of the outline are", examples=[0.71])


class Finding(BaseModel):
    is_malignant: bool
    probability: float
    reasons: dict[str, float] = Field(description="what each value adds to the log odds of malignant")


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("model", format="skops")])
class TumourClassifier(bentoml.BentoService):
    """Tells malignant from benign tumours of the breast, and why."""

    @bentoml.api(batch=True)
    def diagnose(self, images: list[Nuclei]) -> list[Finding]:
        rows = pd.DataFrame([nuclei.model_dump() for nuclei in images])
        scaler, regression = self.artifacts.model.named_steps.values()
        probabilities = self.artifacts.model.predict_proba(rows)[:, 1]
        shares = scaler.transform(rows) * regression.coef_
        return [
            Finding(is_malignant=bool(p > 0.5), probability=p, reasons=dict(zip(rows.columns, share)))
            for p, share in zip(probabilities.round(3), shares.round(2))
        ]

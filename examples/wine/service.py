import bentoml
import numpy as np
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact

CHEMISTRY = (
    "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols "
    "proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline"
).split()
WINES = DataframeInput(columns=CHEMISTRY, dtype=dict.fromkeys(CHEMISTRY, "float64"))


@bentoml.env(infer_pip_packages=True)
@bentoml.artifacts([SklearnModelArtifact("gate"), SklearnModelArtifact("model")])
class WineClassifier(bentoml.BentoService):
    """Tells the cultivar of a wine from its chemistry, and refuses what is not like the wines that it knows."""

    def knows(self, df):
        missing_is_strange = df.fillna(-1e9)
        return self.artifacts.gate.predict(missing_is_strange) == 1

    @bentoml.api(input=WINES, batch=True)
    def check(self, df):
        """Which rows `classify` takes."""
        return self.knows(df)

    @bentoml.api(input=WINES, batch=True)
    def classify(self, df, tasks):
        is_known = self.knows(df)
        ends = np.cumsum([task.batch for task in tasks])
        for task, end in zip(tasks, ends):
            rows = slice(end - task.batch, end)  # those of this request
            if not is_known[rows].all():
                strange = np.flatnonzero(~is_known[rows]).tolist()
                task.discard(http_status=422, err_msg=f"not like any wine that the model knows: rows {strange}")
                is_known[rows] = False
        return self.artifacts.model.predict(df[is_known]) if is_known.any() else []

from __future__ import annotations

from bentoml.service.metadata import ApiMetadata, ArtifactMetadata, BentoServiceMetadata
from bentoml.yatai.models import Bento, BentoUri
from bentoml.yatai.server.web.bundle_rows import BundleRow, metrics_of


def test_row_says_what_the_record_says() -> None:
    metadata = BentoServiceMetadata("Iris", "1 0", apis=(ApiMetadata("predict", "JsonInput"),), labels={"team": "a"})
    row = BundleRow.of(Bento("Iris", "1 0", BentoUri(), metadata, aliases=("production",), size_bytes=3))
    assert (row.tag, row.path, row.apis, row.labels) == ("Iris:1 0", "Iris/1%200", ["predict"], {"team": "a"})
    assert (row.aliases, row.size_bytes) == (("production",), 3)


def test_metrics_are_the_numbers_of_the_metadata() -> None:
    artifact = ArtifactMetadata(
        "model", "X", metadata={"f1": 0.5, "rows": 3, "ok": True, "by": "ada", "x": float("inf")}
    )
    assert metrics_of([artifact]) == {"f1": 0.5, "rows": 3.0}


def test_metrics_of_several_artifacts_carry_their_names() -> None:
    both = [ArtifactMetadata("a", "X", metadata={"f1": 1}), ArtifactMetadata("b", "X", metadata={"f1": 2})]
    assert metrics_of(both) == {"a.f1": 1.0, "b.f1": 2.0}

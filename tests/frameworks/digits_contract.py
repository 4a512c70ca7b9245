"""The contract of artifacts that hold the network of `digits_network`, in whatever form."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.frameworks.contract import FrameworkContract, Question
from tests.frameworks.digits_network import FEATURES, answers


class DigitsContract(FrameworkContract):
    """What is asked, and what counts as the same answer."""

    __test__ = False

    def outcome(self, obj: Any) -> Any:
        return answers(obj, FEATURES[:50]).tolist()

    def questions(self, obj: Any) -> list[Question]:
        return [
            Question(json.dumps(rows.tolist()).encode(), answers(obj, rows).tolist())
            for rows in (FEATURES[:1], FEATURES[50:53], FEATURES[149:151])
        ]

    def is_same(self, actual: Any, expected: Any) -> bool:
        """Sums of 32-bit floats differ in the last digits with the number of rows."""
        return bool(np.allclose(actual, expected, rtol=1e-4, atol=1e-5))

"""A small network of PyTorch that is trained here to read handwritten digits."""

from __future__ import annotations

import copy
import functools
from typing import Any

from sklearn.datasets import load_digits

from tests.environments.late_import import late_import

torch = late_import("torch")

FEATURES, TARGET = load_digits(return_X_y=True)
FEATURES = (FEATURES / 16).astype("float32")
HIDDEN = 24
PARAMETERS = 64 * HIDDEN + HIDDEN + 2 * HIDDEN + HIDDEN * 10 + 10


def network(hidden: int) -> Any:
    return torch.nn.Sequential(
        torch.nn.Linear(64, hidden),
        torch.nn.BatchNorm1d(hidden),
        torch.nn.ReLU(),
        torch.nn.Dropout(),
        torch.nn.Linear(hidden, 10),
    )


@functools.cache
def _trained() -> Any:
    torch.manual_seed(0)
    model = network(HIDDEN)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(torch.tensor(FEATURES)), torch.tensor(TARGET)).backward()
        optimizer.step()
    model.eval()
    assert (answers(model).argmax(1) == TARGET).mean() > 0.95
    return model


def trained() -> Any:
    return copy.deepcopy(_trained())


@functools.cache
def exported() -> Any:
    rows = torch.export.Dim("rows")
    return torch.export.export(trained(), (torch.tensor(FEATURES[:2]),), dynamic_shapes=({0: rows},))


def answers(model: Any, rows: Any = FEATURES) -> Any:
    """Logits of a module or an exported program, as an array."""
    called = model.module() if isinstance(model, torch.export.ExportedProgram) else model
    with torch.inference_mode():
        return called(torch.tensor(rows)).numpy()

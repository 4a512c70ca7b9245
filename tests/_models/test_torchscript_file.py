"""Which files of TorchScript do no more than compute."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from bentoml._models.torchscript_file import is_torchscript, only_computes, read_torchscript, script_only_computes
from bentoml.frameworks.pytorch import PytorchModelArtifact
from tests.environments.late_import import late_import
from tests.frameworks.digits_network import trained

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.environment("torch"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

torch = late_import("torch")


def program(*methods: str) -> Any:
    import torch  # by its name here, the program finds it

    class Program(torch.nn.Module):  # type: ignore[misc]
        def forward(self, rows: Any) -> Any:
            return rows

    script = torch.jit.script(Program())
    for method in methods:
        script.define(method)
    return script


@pytest.mark.parametrize("call", ["torch.ops.aten.save(rows, 'there')", "rows + torch.from_file('there', True, 1)"])
def test_program_that_reaches_files_counts_as_a_pickle(call: str, tmp_path: Path) -> None:
    artifact = PytorchModelArtifact("model").pack(program(f"def reach(self, rows):\n    return {call}\n"))
    assert artifact.carries_pickle
    artifact.save(str(tmp_path))
    assert PytorchModelArtifact("model").has_pickle_in(str(tmp_path))
    assert PytorchModelArtifact("model").load(str(tmp_path)).carries_pickle


def test_program_may_write_a_file_while_it_is_read(tmp_path: Path) -> None:
    """The reason for all this."""
    file, there = tmp_path / "model.pt", tmp_path / "there"
    script = program(
        "def __getstate__(self):\n    return self.training\n",
        "def __setstate__(self, state: bool) -> None:\n"
        "    self.training = state\n"
        f"    torch.ops.aten.save(state, '{there}')\n",
    )
    torch.jit.save(script, str(file))
    assert is_torchscript(file)
    assert not only_computes(file)
    read_torchscript(file, torch.device("cpu"))
    assert there.exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.jit.script(trained()),
        lambda: torch.jit.trace(trained(), torch.zeros(2, 64)),
        lambda: torch.jit.freeze(torch.jit.script(trained())),
    ],
    ids=["scripted", "traced", "frozen"],
)
def test_usual_programs_only_compute(make: Any, tmp_path: Path) -> None:
    script = make()
    assert script_only_computes(script)
    torch.jit.save(script, str(tmp_path / "model.pt"))
    assert only_computes(tmp_path / "model.pt")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return torch.add(x, y)", True),
        ("return ops.torchvision.nms(x, y)", True),
        ("return ops.prim.NumToTensor(x)", True),
        ('x = getattr(self, "0")', True),
        ("saved = x", True),
        ('torch.save(x, "f")', False),
        ("x.save()", False),
        ("torch.from_file(x)", False),
        ("return ops.mine.run(x)", False),
        ("return ops . mine.run(x)", False),
        ("a = ops\n", False),
        ("x : __torch__.torch.classes.quantized.LinearPackedParamsBase", True),
        ("x : __torch__.torch.classes.dist_c10d.Store", False),
        (r'getattr(torch, "\163ave")(x)', False),
    ],
)
def test_only_computes_looks_at_names_in_code(code: str, expected: bool, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/code/__torch__.py", code)
        archive.writestr("model/code/__torch__.py.debug_pkl", b"def save(")
    assert is_torchscript(file)
    assert only_computes(file) is expected


def test_only_computes_looks_at_classes_in_pickles(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/data.pkl", b"\x80\x02c__torch__.torch\nclasses.mine.Store\n)\x81.")
    assert not only_computes(file)


@pytest.mark.parametrize("kind", ["missing", "empty", "no zip", "pickle", "cut"])
def test_what_is_no_torchscript_counts_as_a_pickle(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    if kind == "pickle":
        torch.save(trained(), file)
    elif kind == "cut":
        torch.jit.save(torch.jit.script(trained()), str(file))
        file.write_bytes(file.read_bytes()[:-100])
    elif kind != "missing":
        file.write_bytes(b"" if kind == "empty" else b"PK\3\4 and more")
    assert not is_torchscript(file)
    assert not only_computes(file)


def test_code_that_can_not_be_unpacked_counts_as_a_pickle(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/code/__torch__.py", b"return x " * 100)
        place = archive.getinfo("model/code/__torch__.py").header_offset
    content = bytearray(file.read_bytes())
    content[place + 30 + len("model/code/__torch__.py") + 4] ^= 0xFF
    file.write_bytes(content)
    assert not only_computes(file)

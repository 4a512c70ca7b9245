"""Which GPU each worker sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.server.options.gpus import gpu_variables, parse_gpus, visible_gpus
from bentoml.server.options.serve_options import ServeOptions

UUID = "GPU-8f6e1c3a-2b4d-4e5f-9a0b-1c2d3e4f5a6b"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "BENTOML_DEVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", ("0",)), ("0,1", ("0", "1")), (" 3 , 07", ("3", "7")), (f"{UUID},MIG-1/2", (UUID, "MIG-1/2"))],
)
def test_parse_gpus_takes_numbers_and_names(text: str, expected: tuple[str, ...]) -> None:
    assert parse_gpus(text) == expected


@pytest.mark.parametrize("text", ["", ",", "0,", "-1", "cuda:0", "0;1", "1000", "GPU-", "all", "0,0", "0,00", "a\nb"])
def test_parse_gpus_of_nonsense_raises_invalid_argument(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"is no GPU; give numbers|name one twice"):
        parse_gpus(text)


def test_visible_gpus_count_among_those_that_are_left_to_the_server() -> None:
    assert visible_gpus(("1", UUID), {}) == ("1", UUID)
    assert visible_gpus(("1", "0", UUID), {"CUDA_VISIBLE_DEVICES": "4, 6"}) == ("6", "4", UUID)


@pytest.mark.parametrize("shown", ["4", ""])
def test_visible_gpus_when_there_are_not_so_many_raises_invalid_argument(shown: str) -> None:
    with pytest.raises(InvalidArgument, match=f"there is no GPU 1: CUDA_VISIBLE_DEVICES={shown} leaves"):
        visible_gpus(("1",), {"CUDA_VISIBLE_DEVICES": shown})


@pytest.mark.parametrize(
    ("environ", "configured", "device"),
    [
        ({}, "cpu", "cuda"),
        ({}, "cuda:0", "cuda:0"),
        ({"BENTOML_DEVICE": ""}, "cpu", "cuda"),
        ({"BENTOML_DEVICE": "cpu"}, "cuda", "cpu"),
        ({"BENTOML_DEVICE": "cuda"}, "cpu", "cuda"),
    ],
)
def test_gpu_variables_show_one_gpu_and_load_to_it_unless_told_otherwise(
    environ: dict[str, str], configured: str, device: str
) -> None:
    assert gpu_variables("5", environ, configured) == {"CUDA_VISIBLE_DEVICES": "5", "BENTOML_DEVICE": device}


@pytest.mark.parametrize(("given", "workers"), [({}, 2), ({"workers": 2}, 2), ({"workers": 6}, 6)])
def test_from_config_starts_one_worker_for_each_gpu_or_as_many_as_told(given: Any, workers: int) -> None:
    options = ServeOptions.from_config(Path("bundle"), gpus=("0", "3"), **given)
    assert (options.gpus, options.workers) == (("0", "3"), workers)
    assert ServeOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"workers": 3}, "3 workers cannot be shared out evenly among 2 GPUs", id="uneven"),
        pytest.param({"workers": 1}, "1 workers cannot be shared out evenly among 2 GPUs", id="too few"),
        pytest.param({"preload": True}, "--gpus and --preload do not go together", id="preload"),
    ],
)
def test_from_config_when_gpus_do_not_fit_raises_invalid_argument(given: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ServeOptions.from_config(Path("bundle"), gpus=("0", "1"), **given)


def test_from_config_when_the_device_is_not_what_workers_see_raises_invalid_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENTOML_DEVICE", "cuda:1")
    with pytest.raises(InvalidArgument, match="each worker sees one GPU, cuda:0, so the device cannot be cuda:1"):
        ServeOptions.from_config(Path("bundle"), gpus=("0", "1"))
    assert ServeOptions.from_config(Path("bundle")).gpus == ()

"""What the cost model learns from the times of batches."""

from __future__ import annotations

import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.server.scheduling.cost_model import MEASUREMENTS_NEEDED, CostModel


def learned(sizes: list[int], *, level_s: float = 0.008, slope_s: float = 0.001) -> CostModel:
    """A model that has seen batches of these sizes without noise."""
    model = CostModel()
    for size in sizes:
        model.observe(size, level_s + slope_s * size)
    return model


def test_nothing_is_predicted_before_there_are_measurements() -> None:
    model = CostModel()
    readiness = []
    for size in range(1, MEASUREMENTS_NEEDED + 1):
        readiness.append(model.is_ready)
        model.observe(size, 0.1)
    assert readiness == [False] * MEASUREMENTS_NEEDED
    assert model.is_ready


def test_level_and_slope_of_exact_batches_are_found() -> None:
    model = learned([1, 5, 20, 3, 40, 8])
    assert model.level_s == pytest.approx(0.008)
    assert model.slope_s == pytest.approx(0.001)
    assert model.spread == pytest.approx(0.0, abs=1e-9)
    assert model.predict(30) == pytest.approx(0.038)


def test_batches_of_one_size_say_nothing_of_the_slope_and_larger_ones_are_expected_to_take_no_longer() -> None:
    model = learned([4] * 10)
    assert model.predict(4) == model.predict(4000) == pytest.approx(0.012)
    assert model.largest_within(0.02) == sys.maxsize
    assert model.largest_within(0.011) == 0


def test_slope_is_kept_while_all_batches_have_one_size() -> None:
    model = learned([1, 50, 20, 100, 10] * 4 + [60] * 500)
    assert model.slope_s == pytest.approx(0.001)
    assert model.predict(1) == pytest.approx(0.009)


def test_first_large_batch_after_many_small_ones_is_believed() -> None:
    model = learned([1, 2, 1, 2, 1, 2, 1, 1, 2] + [500] * 3)
    assert model.predict(500) == pytest.approx(0.508, rel=0.1)


def test_cold_first_call_is_left_out() -> None:
    model = CostModel()
    model.observe(1, 5.0)
    for _ in range(MEASUREMENTS_NEEDED - 1):
        model.observe(1, 0.01)
    assert model.predict(1) == pytest.approx(0.01)


def test_one_outlier_moves_the_prediction_little() -> None:
    model = learned([10, 20, 30] * 10)
    before_s = model.predict(20)
    model.observe(20, 50 * before_s)
    assert model.predict(20) < 1.1 * before_s


@pytest.mark.parametrize("factor", [4.0, 0.25], ids=["slower", "faster"])
def test_change_is_followed_within_tens_of_batches(factor: float) -> None:
    random = Random(1)
    model = CostModel()
    for number in range(200):
        size = random.randint(1, 100)
        seconds = (0.01 + 0.0005 * size) * random.lognormvariate(0, 0.1)
        model.observe(size, seconds * (factor if number >= 160 else 1.0))
    assert model.predict(50) == pytest.approx(0.035 * factor, rel=0.25)


def test_spread_of_noise_is_found() -> None:
    random = Random(2)
    model = CostModel()
    spreads = []
    for _ in range(2000):
        size = random.randint(1, 100)
        model.observe(size, (0.01 + 0.0005 * size) * random.gauss(1.0, 0.2))
        spreads.append(model.spread)
    assert sum(spreads[100:]) / len(spreads[100:]) == pytest.approx(0.2, rel=0.25)


def test_noisy_small_batches_do_not_make_large_ones_look_dear() -> None:
    for seed in range(50):
        random = Random(seed)
        model = CostModel()
        for _ in range(30):
            size = random.randint(1, 2)
            model.observe(size, (0.0005 + 0.00001 * size) * random.lognormvariate(0, 0.2))
        # 4000 requests take 0.04 s.
        assert model.predict(4000) < 0.4


measurements = st.lists(st.tuples(st.integers(1, 4000), st.floats(0.0, 100.0)), min_size=5, max_size=60)


@given(measured=measurements, sizes=st.lists(st.integers(1, 5000), min_size=2, max_size=10))
def test_predictions_are_sane_whatever_was_measured(measured: list[tuple[int, float]], sizes: list[int]) -> None:
    model = CostModel()
    for size, seconds in measured:
        model.observe(size, seconds)
    predictions = [model.predict(size) for size in sorted(sizes)]
    assert predictions == sorted(predictions)
    assert predictions[0] > 0
    assert model.spread >= 0
    assert model.level_s >= -1e-9


@given(measured=measurements, size=st.integers(1, 5000))
def test_largest_batch_within_some_seconds_fits_and_the_next_one_does_not(
    measured: list[tuple[int, float]], size: int
) -> None:
    model = CostModel()
    for each, seconds in measured:
        model.observe(each, seconds)
    limit_s = model.predict(size)
    found = model.largest_within(limit_s)
    if found < sys.maxsize:
        assert model.predict(max(found, 1)) <= limit_s * (1 + 1e-6)
        assert model.predict(found + 1) >= limit_s * (1 - 1e-6)

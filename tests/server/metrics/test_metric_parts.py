"""Parts of reports: they come back as they were, nonsense is refused, and numbers are combined as their mode says."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from bentoml.server.metrics.metric_parts import MAX_DOCUMENTATION_CHARS, PART_SAMPLES, Part, packed, unpacked
from bentoml.server.metrics.slices import at_once

GOOD: list[Any] = ["orders", "counter", "Orders.", "", "", "", ['orders_total{shop="a"}'], [1.0], []]


def changed(**changes: Any) -> bytes:
    names = ["name", "kind", "documentation", "unit", "mode", "shape", "keys", "values", "times"]
    message: bytes = msgpack.packb([changes.get(name, value) for name, value in zip(names, GOOD, strict=True)])
    return message


def test_packed_metric_comes_back_in_parts() -> None:
    values = {f'orders_total{{shop="{number}"}}': float(number) for number in range(2 * PART_SAMPLES + 1)}
    parts = [unpacked(data) for data in packed(Part("orders", "counter", "Orders.", values=values))]
    assert len(parts) == 3
    assert {key: value for part in parts for key, value in part.values.items()} == values
    assert {(part.name, part.kind, part.documentation) for part in parts} == {("orders", "counter", "Orders.")}


def test_packed_metric_without_samples_is_nothing() -> None:
    assert list(packed(Part("orders", "counter", "Orders."))) == []


def test_unpacked_takes_the_good_one_and_its_times() -> None:
    assert unpacked(changed()).values == {'orders_total{shop="a"}': 1.0}
    part = unpacked(changed(kind="gauge", mode="mostrecent", times=[17.5]))
    assert part.times == {'orders_total{shop="a"}': 17.5}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="no-msgpack"),
        pytest.param(msgpack.packb(7), id="no-array"),
        pytest.param(msgpack.packb([]), id="empty"),
        pytest.param(changed() + b"\x00", id="more-behind"),
        pytest.param(changed(name=7), id="name-is-a-number"),
        pytest.param(changed(name="orders\nevil"), id="name-with-a-line"),
        pytest.param(changed(name=""), id="no-name"),
        pytest.param(changed(kind="gaugehistogram"), id="unknown-type"),
        pytest.param(changed(kind=["counter"]), id="type-is-a-list"),
        pytest.param(changed(documentation=None), id="no-documentation"),
        pytest.param(changed(documentation="x" * (MAX_DOCUMENTATION_CHARS + 1)), id="long-documentation"),
        pytest.param(changed(mode="best"), id="unknown-mode"),
        pytest.param(changed(unit="seconds"), id="unit-not-in-the-name"),
        pytest.param(changed(keys=["orders_total 5\nBENTOML_x_total"]), id="key-with-a-line"),
        pytest.param(changed(keys=["orders_total 5"]), id="key-with-a-number"),
        pytest.param(changed(keys=['orders_total{shop="a}']), id="key-with-an-open-quote"),
        pytest.param(changed(keys=['orders_total{shop="a\\"}']), id="key-with-an-escaped-quote"),
        pytest.param(changed(keys=["BENTOML_x_total"]), id="key-of-another-metric"),
        pytest.param(changed(keys=[b"orders_total"]), id="key-is-bytes"),
        pytest.param(changed(keys=[["orders_total"]]), id="key-is-a-list"),
        pytest.param(changed(keys=[]), id="more-values-than-keys"),
        pytest.param(changed(keys=7), id="keys-are-a-number"),
        pytest.param(changed(values=["1 2"]), id="value-is-text"),
        pytest.param(changed(values=[1]), id="value-is-no-float"),
        pytest.param(changed(values=[True]), id="value-is-a-boolean"),
        pytest.param(changed(times=["now"]), id="time-is-text"),
        pytest.param(changed(times=[1.0, 2.0]), id="more-times-than-keys"),
        pytest.param(
            changed(keys=[f"orders{n}" for n in range(PART_SAMPLES + 1)], values=[0.0] * (PART_SAMPLES + 1)),
            id="too-many-samples",
        ),
    ],
)
def test_unpacked_refuses_nonsense(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(data)


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [
        ("counter", "", {"x": 9.0, "only_one": 1.0, "only_other": 2.0}),
        ("histogram", "", {"x": 9.0, "only_one": 1.0, "only_other": 2.0}),
        ("summary", "", {"x": 9.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "sum", {"x": 9.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "livesum", {"x": 9.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "min", {"x": 4.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "livemin", {"x": 4.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "max", {"x": 5.0, "only_one": 1.0, "only_other": 2.0}),
        ("gauge", "livemax", {"x": 5.0, "only_one": 1.0, "only_other": 2.0}),
        ("info", "", {"x": 4.0, "only_one": 1.0, "only_other": 2.0}),
    ],
)
def test_add_combines_as_type_and_mode_say(kind: str, mode: str, expected: dict[str, float]) -> None:
    one = Part("x", kind, "", mode=mode, values={"x": 5.0, "only_one": 1.0})
    at_once(one.add(Part("x", kind, "", mode=mode, values={"x": 4.0, "only_other": 2.0})))
    assert one.values == expected


@pytest.mark.parametrize("mode", ["mostrecent", "livemostrecent"])
@pytest.mark.parametrize("is_first", [True, False])
def test_add_of_the_newest_goes_by_the_time_and_not_by_the_order(mode: str, is_first: bool) -> None:
    old = Part("x", "gauge", "", mode=mode, values={"x": 5.0}, times={"x": 10.0})
    new = Part("x", "gauge", "", mode=mode, values={"x": 4.0}, times={"x": 11.0})
    one, other = (new, old) if is_first else (old, new)
    at_once(one.add(other))
    assert one.values == {"x": 4.0}
    assert one.times == {"x": 11.0}


@pytest.mark.parametrize(
    ("kind", "mode", "expected"),
    [("counter", "", True), ("gauge", "all", True), ("gauge", "max", True), ("gauge", "livemax", False),
     ("gauge", "liveall", False), ("info", "", False)],
)  # fmt: skip
def test_numbers_of_the_ended_are_kept_unless_they_are_of_the_living(kind: str, mode: str, expected: bool) -> None:
    assert Part("x", kind, "", mode=mode).is_kept is expected

from __future__ import annotations

import pytest

from benchmarks.throughput import long_enough_s
from benchmarks.wrk import WrkError, parse_report

REPORT = """\
Running 1s test @ http://127.0.0.1:44321/predict
  1 threads and 64 connections
  12 requests in 2.00s, 3.00KB read
Requests/sec:      6.00
{"requests": 12, "duration_us": 2000000, "bytes": 3000, "connect": 0, "read": 3, "write": 0, "status": 1, \
"timeout": 0, "mean_us": 900.0, "p50_us": 850, "p90_us": 1000, "p99_us": 2500, "max_us": 4000}
"""


def test_parse_report_reads_rate_latencies_and_errors_that_happened() -> None:
    load = parse_report(REPORT)
    assert (load.rate, load.p50_ms, load.p90_ms, load.p99_ms, load.max_ms) == (6.0, 0.85, 1.0, 2.5, 4.0)
    assert load.errors == {"read": 3, "status": 1}


def test_parse_report_without_its_line_says_what_was_printed() -> None:
    with pytest.raises(WrkError, match="unable to connect"):
        parse_report("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("connections", "rate", "expected_s"),
    [
        pytest.param(64, 20000.0, 4, id="fast"),
        pytest.param(512, 100.0, 11, id="two answers on each connection"),
        pytest.param(512, 10.0, 12, id="no longer than three times"),
        pytest.param(512, 0.0, 12, id="nothing answered in the warm-up"),
    ],
)
def test_long_enough_s_of_a_rate_is(connections: int, rate: float, expected_s: int) -> None:
    assert long_enough_s(4, connections, rate) == expected_s

"""Conditions around imports, judged before anything runs."""

from __future__ import annotations

import ast
import os
import platform
import sys

import pytest

from bentoml.saved_bundle.code.import_conditions import judge
from bentoml.saved_bundle.code.inference_rules import (
    NEVER_RUNS,
    OTHER_PLATFORM,
    OTHER_PYTHON,
    RUN_AS_PROGRAM,
    TYPES_ONLY,
)

MINOR = sys.version_info.minor

# condition, whether it holds, the rule of the branch that is not taken
KNOWN = [
    ("TYPE_CHECKING", False, TYPES_ONLY),
    ("typing.TYPE_CHECKING", False, TYPES_ONLY),
    ("not TYPE_CHECKING", True, TYPES_ONLY),
    ("TYPE_CHECKING and whatever", False, TYPES_ONLY),
    ("whatever and TYPE_CHECKING", False, TYPES_ONLY),
    ("False", False, NEVER_RUNS),
    ("0", False, NEVER_RUNS),
    ("sys.version_info >= (3, 10)", True, OTHER_PYTHON),
    ("sys.version_info < (3, 10)", False, OTHER_PYTHON),
    (f"sys.version_info[:2] == (3, {MINOR})", True, OTHER_PYTHON),
    ("sys.version_info[0] == 2", False, OTHER_PYTHON),
    ("sys.version_info.major > 2", True, OTHER_PYTHON),
    (f"sys.version_info.minor in (1, {MINOR})", True, OTHER_PYTHON),
    ("six.PY2", False, OTHER_PYTHON),
    ("platform.python_implementation() == 'CPython'", True, OTHER_PYTHON),
    (f"sys.platform == {sys.platform!r}", True, OTHER_PLATFORM),
    ("sys.platform == 'win3.11'", False, OTHER_PLATFORM),
    (f"sys.platform in ('aix', {sys.platform!r})", True, OTHER_PLATFORM),
    (f"sys.platform not in ('aix', {sys.platform!r})", False, OTHER_PLATFORM),
    (f"sys.platform.startswith({sys.platform[:3]!r})", True, OTHER_PLATFORM),
    ("sys.platform.startswith(('win3.', 'aix'))", False, OTHER_PLATFORM),
    (f"os.name != {os.name!r}", False, OTHER_PLATFORM),
    (f"platform.system() == {platform.system()!r}", True, OTHER_PLATFORM),
    ("sys.platform == 'aix' or sys.version_info < (3,)", False, OTHER_PLATFORM),
    ("sys.platform != 'aix' and sys.version_info > (3,)", True, OTHER_PLATFORM),
    ("__name__ == '__main__'", False, RUN_AS_PROGRAM),
    ("__name__ != '__main__'", True, RUN_AS_PROGRAM),
    ("sys.version_info > (3,) or whatever", True, OTHER_PYTHON),
]


@pytest.mark.parametrize(("condition", "holds", "rule"), KNOWN, ids=[case[0] for case in KNOWN])
def test_judge_of_what_is_settled_gives_value_and_rule(condition: str, holds: bool, rule: str) -> None:
    judged = judge(ast.parse(condition, mode="eval").body)
    assert judged is not None
    assert (judged.holds, judged.rule) == (holds, rule)


@pytest.mark.parametrize(
    "condition",
    [
        "whatever",
        "whatever and sys.version_info > (3,)",
        "whatever or TYPE_CHECKING",
        "__name__ == 'shop'",
        "sys.version_info >= limit",
        "sys.version_info[limit] > 3",
        "sys.version_info[9] > 3",
        "sys.version_info[::0] > 3",
        "sys.version_info > 'three'",
        "sys.platform < 3",
        "3 < sys.maxsize < 4",
        "sys.platform.startswith(prefix)",
        "sys.platform.startswith(3)",
        "text.startswith('a')",
        "platform == 'linux'",
        "os.environ['sys.platform'] == 'linux'",
    ],
)
def test_judge_of_what_is_known_at_run_time_only_gives_none(condition: str) -> None:
    assert judge(ast.parse(condition, mode="eval").body) is None


@pytest.mark.parametrize(
    ("condition", "marker", "negated"),
    [
        ("sys.platform == 'linux'", 'sys_platform == "linux"', 'sys_platform != "linux"'),
        ("not sys.platform == 'linux'", 'sys_platform != "linux"', 'sys_platform == "linux"'),
        ("os.name != 'nt'", 'os_name != "nt"', 'os_name == "nt"'),
        ("platform.system() == 'Linux'", 'platform_system == "Linux"', 'platform_system != "Linux"'),
        ("platform.machine() == 'arm64'", 'platform_machine == "arm64"', 'platform_machine != "arm64"'),
        ("sys.platform in ('linux',)", "", ""),
        ("sys.version_info > (3,)", "", ""),
        ("sys.platform == 'a\" or \"b\\n--pre'", "", ""),
    ],
)
def test_judge_writes_conditions_on_the_platform_as_markers(condition: str, marker: str, negated: str) -> None:
    judged = judge(ast.parse(condition, mode="eval").body)
    assert judged is not None
    assert (judged.marker, judged.negated) == (marker, negated)

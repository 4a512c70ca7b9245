"""Changes in the text of a configuration file: the one value, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.configuration import plain_yaml
from bentoml.configuration.check import problem_with
from bentoml.configuration.edit import CannotEditError, with_value, without
from bentoml.configuration.keys import Key, known_keys
from bentoml.configuration.text_value import text_of, value_from_text

PORT = "bento_server.port"
METHODS = "bento_server.cors.access_control_allow_methods"
TOKEN = "yatai.remote.access_token"

SET = {
    "nothing": ("", PORT, 1, "bento_server:\n  port: 1\n"),
    "only a comment": ("# mine", PORT, 1, "# mine\nbento_server:\n  port: 1\n"),
    "a document mark": ("---\n", PORT, 1, "---\nbento_server:\n  port: 1\n"),
    "a byte order mark": ("\ufeff", PORT, 1, "\ufeffbento_server:\n  port: 1\n"),
    "its value": ("bento_server:\n  port: 5 # why\n", PORT, 1, "bento_server:\n  port: 1 # why\n"),
    "its value, in quotes": ("bento_server:\n  port: '5'\n", PORT, 1, "bento_server:\n  port: 1\n"),
    "its value, null": ("bento_server:\n  workers:   # why\n", "bento_server.workers", 2,
                        "bento_server:\n  workers: 2   # why\n"),
    "the section": ("bento_server:\n  workers: 2 # two\n# end\n", PORT, 1,
                    "bento_server:\n  workers: 2 # two\n  port: 1\n# end\n"),
    "the section with another indent": ("bento_server:\n    workers: 2\n\nyatai:\n", PORT, 1,
                                        "bento_server:\n    workers: 2\n    port: 1\n\nyatai:\n"),
    "the section without a line end": ("bento_server:\n  workers: 2", PORT, 1,
                                       "bento_server:\n  workers: 2\n  port: 1\n"),
    "the section, null": ("bento_server: # all\n# next\nyatai:\n", PORT, 1,
                          "bento_server: # all\n  port: 1\n# next\nyatai:\n"),
    "the section, null in words": ("bento_server: ~ # all\n", PORT, 1, "bento_server: {port: 1} # all\n"),
    "the section in braces": ("bento_server: {workers: 2} # all\n", PORT, 1,
                              "bento_server: {workers: 2, port: 1} # all\n"),
    "the section in empty braces": ("bento_server: {}\n", PORT, 1, "bento_server: {port: 1}\n"),
    "all in braces": ("{bento_server: {workers: 2}}", METHODS, ["GET"],
                      "{bento_server: {workers: 2, cors: {access_control_allow_methods: [GET]}}}"),
    "all in braces over lines": ("{\n  bento_server: {\n    workers: 2, # two\n  },\n}\n", PORT, 1,
                                 "{\n  bento_server: {\n    workers: 2, port: 1, # two\n  },\n}\n"),
    "a section that is null in braces": ("{bento_server: }", PORT, 1, "{bento_server: {port: 1} }"),
    "other sections": ("yatai:\n  namespace: a\n", PORT, 1, "yatai:\n  namespace: a\nbento_server:\n  port: 1\n"),
    "windows line ends": ("bento_server:\r\n  workers: 2\r\n", PORT, 1,
                          "bento_server:\r\n  workers: 2\r\n  port: 1\r\n"),
    "a list in lines": (f"bento_server:\n  cors:\n    {METHODS[18:]}:\n      - GET\n      - PUT\n    enabled: true\n",
                        METHODS, ["PUT", "GET"],
                        f"bento_server:\n  cors:\n    {METHODS[18:]}: [PUT, GET]\n    enabled: true\n"),
    "a text over lines": ("yatai:\n  remote:\n    access_token: >-\n      a\n      b\n  namespace: x\n", TOKEN, "c",
                          "yatai:\n  remote:\n    access_token: c\n  namespace: x\n"),
    "after a text over lines": ("yatai:\n  namespace: |\n    a\n    b\n# end\n", "yatai.database.url", "c",
                                "yatai:\n  namespace: |\n    a\n    b\n  database:\n    url: c\n# end\n"),
    "an anchor that nobody uses": ("bento_server: &a\n  port: 5\n", PORT, 1, "bento_server: &a\n  port: 1\n"),
    "a text that looks like something else": ("yatai: {namespace: a}", "yatai.namespace", "on, {off}",
                                              "yatai: {namespace: 'on, {off}'}"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name", "value", "expected"), SET.values(), ids=SET)
def test_set_in_a_file_that_has_changes_no_more_than_it_must(text: str, name: str, value: Any, expected: str) -> None:
    assert with_value(text, name, value) == expected


CANNOT_SET = {
    "a comment in a list": (f"bento_server:\n  cors:\n    {METHODS[18:]}:\n      - GET # read\n      - PUT\n", METHODS,
                            ["GET"], "line 4 seems to hold a comment, which would be lost; edit it by hand"),
    "a comment in brackets": (f"bento_server: {{cors: {{{METHODS[18:]}: [GET, # read\n PUT]}}}}", METHODS, ["GET"],
                              "line 1 seems to hold a comment"),
    "a comment behind the sign": ("yatai:\n  namespace: | # two\n    a\n", "yatai.namespace", "b", "line 2 seems"),
    "no section": ("bento_server: 5\n", PORT, 1, "line 1 is no section"),
    "a list for a section": ("bento_server:\n- 5\n", PORT, 1, "line 2 is no section"),
    "an explicit key": ("? bento_server\n: {}\n...\n# end", "yatai.namespace", "x", "laid out like this"),
    "an end of the document": ("---\n...\n", PORT, 1, "laid out like this"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name", "value", "message"), CANNOT_SET.values(), ids=CANNOT_SET)
def test_set_that_would_lose_something_is_refused(text: str, name: str, value: Any, message: str) -> None:
    with pytest.raises(CannotEditError, match=message):
        with_value(text, name, value)


UNSET = {
    "one of two": ("bento_server:\n  port: 5\n  workers: 2\n", PORT, "bento_server:\n  workers: 2\n"),
    "the last": ("bento_server:\n  workers: 2\n  port: 5\n# end\n", PORT, "bento_server:\n  workers: 2\n# end\n"),
    "the only one": ("bento_server:\n  port: 5\nyatai:\n", PORT, "bento_server:\nyatai:\n"),
    "the last line without an end": ("bento_server:\n  port: 5", PORT, "bento_server:\n"),
    "one with a comment": ("bento_server:\n  port: 5 # why\n  workers: 2\n", PORT,
                           "bento_server:\n  # why\n  workers: 2\n"),
    "one that is null": ("bento_server:\n  port: # why\n  workers: 2\n", PORT,
                         "bento_server:\n  # why\n  workers: 2\n"),
    "first in braces": ("bento_server: {port: 5, workers: 2}\n", PORT, "bento_server: {workers: 2}\n"),
    "last in braces": ("bento_server: {workers: 2, port: 5} # all\n", PORT, "bento_server: {workers: 2} # all\n"),
    "alone in braces": ("bento_server: {port: 5}\n", PORT, "bento_server: {}\n"),
    "a section": ("bento_server:\n  port: 5\nyatai:\n  namespace: x\n", "bento_server", "yatai:\n  namespace: x\n"),
    "an unknown key": ("colour: [red]\nyatai:\n", "colour", "yatai:\n"),
    "behind a byte order mark": ("\ufeffyatai:\n  namespace: x\n", "yatai", "\ufeff"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "name", "expected"), UNSET.values(), ids=UNSET)
def test_unset_takes_out_no_more_than_it_must(text: str, name: str, expected: str) -> None:
    assert without(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", PORT, "is not there"),
        ("bento_server: {workers: 1}", PORT, "is not there"),
        ("bento_server: 5", PORT, "is not there"),
        ("bento_server:\n  port: 5 # why\n  workers: 1\n", "bento_server", "line 2 seems to hold a comment"),
        ("{bento_server: {port: 5, # why\n workers: 1}}", PORT, "line 1 seems to hold a comment"),
        ("--- &a\nbento_server: {}\n...\n", "yatai", "is not there"),
    ],
)
def test_unset_that_cannot_be_done_is_refused(text: str, name: str, message: str) -> None:
    with pytest.raises(CannotEditError, match=message):
        without(text, name)


LAYOUTS = [
    "",
    "# mine\n",
    "# head\nbento_server:\n  # inside\n  workers: 2  # two\n\n  microbatch:\n    max_latency: 7\n# tail\n",
    "{bento_server: {workers: 2}, yatai: {remote: {url: 'x'}}}\n",
    "yatai:\n   # deep\n   remote:\n        access_token: >-\n          a\n          b\n   namespace: x\nlogging:\n",
    "bento_server: {workers: 2}  # two\r\nlogging:\r\n  advanced:\r\n    config: {version: 1}\r\n",
]

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def values_of(key: Key) -> st.SearchStrategy[Any]:
    if key.rule.choices:
        taken: st.SearchStrategy[Any] = st.sampled_from(key.rule.choices)
        return taken | st.none() if key.takes_null else taken
    by_kind = {
        str: st.text(max_size=30),
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
        bool: st.booleans(),
        type(None): st.none(),
        dict: st.dictionaries(st.text(max_size=10), PLAIN, max_size=3),
        list: st.lists(st.text(max_size=10), max_size=3),
    }
    strategies = [by_kind[getattr(kind, "__origin__", kind)] for kind in key.kinds]
    return st.one_of(strategies).filter(lambda value: problem_with(key, value) is None)


ANY_SETTING = st.sampled_from(list(known_keys().values())).flatmap(lambda key: st.tuples(st.just(key), values_of(key)))


def item(data: Any, name: str) -> Any:
    for part in name.split("."):
        data = data[part]
    return data


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(LAYOUTS), ANY_SETTING)
def test_set_of_any_value_gives_it_back_and_leaves_the_rest(text: str, setting: tuple[Key, Any]) -> None:
    key, value = setting
    changed = with_value(text, key.name, value)
    found = item(plain_yaml.load(changed), key.name)
    assert (found, type(found)) == (value, type(value))
    for comment in ("# mine", "# head", "# inside", "# two", "# tail", "# deep"):
        assert changed.count(comment) >= text.count(comment)
    before = plain_yaml.load(text)
    if before is not None:
        try:
            held = item(before, key.name)
        except (KeyError, TypeError):
            restored = without(changed, key.name)
            assert [line for line in text.split("\n") if line.strip().startswith("#")] == [
                line for line in restored.split("\n") if line.strip().startswith("#")
            ]
        else:
            assert item(plain_yaml.load(with_value(changed, key.name, held)), key.name) == held


@settings(max_examples=300, deadline=None)
@given(ANY_SETTING)
def test_text_of_any_value_is_read_back(setting: tuple[Key, Any]) -> None:
    key, value = setting
    found = value_from_text(key, text_of(key, value))
    assert (found, type(found)) == (value, type(value))


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_flow_of_any_plain_value_is_one_line_that_is_read_back(value: Any) -> None:
    line = plain_yaml.flow(value)
    assert len(line.splitlines()) <= 1
    assert plain_yaml.load(f"[{line}]") == [value]

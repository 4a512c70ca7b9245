"""`bentoml run` keeps its own options and leaves the adapter's words alone."""

from __future__ import annotations

import click
import pytest

from bentoml.cli.inference import run_command

CASES = [
    pytest.param(["--input", "[[1]]"], ["--input", "[[1]]"], True, id="adapter-options"),
    pytest.param(["-q", "--input", "1"], ["--input", "1"], True, id="own-flag-first"),
    pytest.param(["--input", "1", "--no-verify"], ["--input", "1"], False, id="own-flag-last"),
    pytest.param(["--input", "-1.5", "-o", "str"], ["--input", "-1.5", "-o", "str"], True, id="negative-number"),
    pytest.param(["--input", "-quiet"], ["--input", "-quiet"], True, id="value-that-starts-like-a-flag"),
    pytest.param(["--yatai-url", "http://r", "--input", "1"], ["--input", "1"], True, id="own-option-with-value"),
    pytest.param(["--yatai-url=http://r", "--input=1"], ["--input=1"], True, id="own-option-with-equals"),
    pytest.param(["--", "--input", "-q"], ["--input", "-q"], True, id="everything-after-dashes"),
    pytest.param(["--input-file", "a.csv", "--format", "csv"], ["--input-file", "a.csv", "--format", "csv"], True,
                 id="unknown-options"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "adapter_words", "verify"), CASES)
def test_run_when_given_options_divides_them(words: list[str], adapter_words: list[str], verify: bool) -> None:
    context = run_command.make_context("run", ["Iris:latest", "predict", *words])
    assert context.params["bento"] == "Iris:latest"
    assert context.params["api_name"] == "predict"
    assert list(context.params["adapter_args"]) == adapter_words
    assert context.params["verify"] is verify


def test_run_when_own_options_stand_before_the_bundle_takes_them() -> None:
    context = run_command.make_context("run", ["-q", "--yatai-url", "http://r", "Iris:1", "predict"])
    assert (context.params["quiet"], context.params["yatai_url"]) == (True, "http://r")
    assert context.params["bento"] == "Iris:1"


def test_run_when_the_value_of_an_option_is_missing_is_misuse() -> None:
    with pytest.raises(click.UsageError, match="--yatai-url"):
        run_command.make_context("run", ["Iris:1", "predict", "--yatai-url"])

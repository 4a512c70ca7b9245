"""DataframeInput keeps the contract, and the types of the values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from bentoml.adapters import DataframeInput
from bentoml.exceptions import BentoMLConfigException
from bentoml.types import HTTPRequest, InferenceTask
from tests.adapters.contract import InputAdapterContract, api_of

if TYPE_CHECKING:
    from pathlib import Path

    from bentoml.types import HTTPResponse

REFUSAL = "DataframeInput Wrong input format: "
# What pandas makes of text: a type of its own since 3.0, object before.
TEXT = pd.Series(["a"]).dtype


def rows_of(frame: pd.DataFrame) -> list[str]:
    """Each row with its column names, types and values."""
    return [
        "; ".join(f"{name!r} {dtype} {value!r}" for name, dtype, value in zip(frame, frame.dtypes, row, strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]


class FrameContract(InputAdapterContract):
    REFUSAL: ClassVar = REFUSAL

    def adapter(self) -> DataframeInput:
        return DataframeInput()

    def answer(self, argument: pd.DataFrame) -> list[str]:
        assert isinstance(argument.index, pd.RangeIndex)
        return rows_of(argument)


class TestJsonContract(FrameContract):
    GOOD: ClassVar = [
        "[[5.1, 3.5]]",
        "[[5, 3.5], [6, 4.5]]",
        '[{"a": "0012", "b": null}]',
        '[{"b": "x", "a": 1}]',
        '{"a": {"0": 10, "1": 20}}',
        '{"a": [10, 20, 30]}',
        '{"columns": ["a"], "index": [0], "data": [["guilty"]]}',
    ]
    MALFORMED: ClassVar = [
        "",
        "{bad",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "3",
        "[1, 2]",
        "[[1], [1, 2]]",
        '[{"a": 1}, 2]',
        '{"a": 1}',
        '{"a": [1], "b": [1, 2]}',
        '{"columns": ["a"], "index": [0], "data": []}',
        "[" * 100_000,
    ]
    GUILTY: ClassVar = ('{"columns": ["a"], "index": [0], "data": [["guilty"]]}', "guilty")


class TestCsvContract(FrameContract):
    CONTENT_TYPE: ClassVar = "text/csv"
    GOOD: ClassVar = ["a,b\n1,x\n", 'a,b\r\n2,"x, ""y"""\r\n', "a\n1.5\n\n2\n", "a,b\n3,guilty\n", "b\n0012\n"]
    MALFORMED: ClassVar = ["", "\n", "a,b\n", "a\n1,2\n3,4\n", "a,b\n1,2\n1,2,3\n"]
    GUILTY: ClassVar = ("a,b\n3,guilty\n", "guilty")

    def cli_format(self) -> list[str]:
        return ["--format", "csv"]


class TestDeclaredContract(FrameContract):
    GOOD: ClassVar = [
        '[{"a": "0012", "b": 1}]',
        '[{"b": 2.5, "a": 12, "c": 3}]',
        '{"a": ["guilty", null], "b": [null, "4"]}',
        '{"columns": ["b", "a"], "index": [0], "data": [[7, "x"]]}',
        "[[true, 8]]",
    ]
    MALFORMED: ClassVar = ['[{"a": 1}]', '[{"a": 1, "b": "x"}]', "[[1]]", '{"a": [1]}', '[{"a": 1, "b": [2]}]']
    GUILTY: ClassVar = ('{"a": ["guilty", null], "b": [null, "4"]}', "guilty")

    def adapter(self) -> DataframeInput:
        return DataframeInput(columns=["a", "b"], dtype={"a": str, "b": np.float64})


def frame_of(adapter: DataframeInput, body: str | bytes, content_type: str = "application/json") -> pd.DataFrame:
    """The frame that one request makes."""
    frames: list[pd.DataFrame] = []

    def function(frame: pd.DataFrame) -> list[int]:
        frames.append(frame)
        return [0] * len(frame)

    response = api_of(adapter, function, batch=True).handle_request(
        HTTPRequest({"Content-Type": content_type}, body.encode() if isinstance(body, str) else body)
    )
    assert response.status == 200, response.body
    return frames[0]


def refusal_of(adapter: DataframeInput, body: str, content_type: str = "application/json") -> str:
    """The text of the 400 that one request is answered."""
    api = api_of(adapter, lambda frame: [0] * len(frame), batch=True)
    response = api.handle_request(HTTPRequest({"Content-Type": content_type}, body.encode()))
    text = response.body.decode()
    assert (response.status, text[: len(REFUSAL)]) == (400, REFUSAL)
    return text[len(REFUSAL) :]


ORIENT_FRAME = pd.DataFrame({"col1": [10, 20], "col2": ["x", "y"]})


@pytest.mark.parametrize(
    ("orient", "is_explicit"),
    # `index` looks like `columns` and is never guessed.
    [
        *((orient, True) for orient in ("records", "columns", "values", "split", "index")),
        *((orient, False) for orient in ("records", "columns", "values", "split")),
    ],
)
def test_orient_written_by_pandas_is_read_back(orient: Any, is_explicit: bool) -> None:
    body = ORIENT_FRAME.to_json(orient=orient)
    frame = frame_of(DataframeInput(orient=orient if is_explicit else None), body)
    expected = ORIENT_FRAME if orient != "values" else ORIENT_FRAME.set_axis(range(2), axis=1)
    pd.testing.assert_frame_equal(frame, expected, check_column_type=False)


@pytest.mark.parametrize(
    ("orient", "body"),
    [
        ("records", '{"a": {"0": 1}}'),
        ("records", "[[1]]"),
        ("columns", '[{"a": 1}]'),
        ("columns", '{"a": {"0": 1}, "b": [1]}'),
        ("values", '[{"a": 1}]'),
        ("values", '{"a": [1]}'),
        ("split", '{"a": {"0": 1}}'),
        ("split", '{"columns": [["a"]], "data": [[1]]}'),
        ("split", '{"columns": ["a", "a"], "data": [[1, 2]]}'),
        ("split", '{"columns": ["a"], "data": [1]}'),
        ("split", '{"columns": ["a"], "data": {"a": 1}}'),
        ("index", '[{"a": 1}]'),
        ("index", '{"0": 1}'),
    ],
)
def test_orient_that_contradicts_the_body_is_refused(orient: str, body: str) -> None:
    assert refusal_of(DataframeInput(orient=orient), body)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], "int64", [1, 2]),
        ([2**63 - 1, -(2**63)], "int64", [2**63 - 1, -(2**63)]),
        ([2**63], "uint64", [2**63]),
        ([2**64], "object", [2**64]),
        ([2**63, -1], "object", [2**63, -1]),
        ([1.5, 2.0], "float64", [1.5, 2.0]),
        ([1, 1.5], "float64", [1.0, 1.5]),
        ([1, None], "float64", [1.0, None]),
        ([2**53 + 1, None], "object", [2**53 + 1, None]),
        ([2**53 + 1, 0.5], "object", [2**53 + 1, 0.5]),
        ([None], "float64", [None]),
        ([True, False], "bool", [True, False]),
        ([True, None], "object", [True, None]),
        ([True, 1], "object", [True, 1]),
        (["0012", "NA", "", "nan", "1e5", "2020-01-01"], TEXT, ["0012", "NA", "", "nan", "1e5", "2020-01-01"]),
        (["a", None], TEXT, ["a", None]),
        (["a", 1], "object", ["a", 1]),
        ([[1, 2], [3, 4]], "object", [[1, 2], [3, 4]]),
        ([[1]], "object", [[1]]),
        ([{"a": 1}, None], "object", [{"a": 1}, None]),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["records", "columns", "values", "split"])
def test_values_keep_their_types(values: list[Any], dtype: Any, expected: list[Any], form: str) -> None:
    body = {
        "records": [{"a": value} for value in values],
        "columns": {"a": values},
        "values": [[value] for value in values],
        "split": {"columns": ["a"], "index": list(range(len(values))), "data": [[value] for value in values]},
    }[form]
    column = frame_of(DataframeInput(), json.dumps(body)).iloc[:, 0]
    assert column.dtype == dtype
    got = [None if one is None or (isinstance(one, float) and np.isnan(one)) else one for one in column.tolist()]
    assert got == expected
    assert [type(one) for one in got] == [type(one) for one in expected]


@pytest.mark.parametrize(
    "bodies",
    [
        ('[{"a": 1}]', '[{"b": 1}]'),
        ('[{"a": 1, "b": 2}]', '[{"b": 2, "a": 1}]'),
        ('[{"a": 1}]', '[{"a": 1.5}]'),
        ('[{"a": 1}]', '[{"a": "1"}]'),
        ('[{"a": 1}]', '[{"a": true}]'),
        ('[{"a": 1}]', '[{"a": null}]'),
        ('[{"a": 1}]', "[[1]]"),
        ('[{"a": 1}]', f'[{{"a": {2**63}}}]'),
        ('[{"a": "x"}]', '[{"a": ["x"]}]'),
        ("[[1]]", "[[1, 2]]"),
    ],
)
def test_requests_of_different_columns_or_types_never_share_a_frame(bodies: tuple[str, str]) -> None:
    frames: list[pd.DataFrame] = []

    def function(frame: pd.DataFrame) -> list[int]:
        frames.append(frame)
        return [0] * len(frame)

    api_of(DataframeInput(), function, batch=True).handle_batch_request(
        [HTTPRequest(body=body.encode()) for body in bodies]
    )
    for frame, body in zip(frames, bodies, strict=True):
        pd.testing.assert_frame_equal(frame, frame_of(DataframeInput(), body))


@pytest.mark.parametrize(
    "bodies",
    [
        ("[[1.5, 2]]", "[[0.5, 3], [2.5, 4]]"),
        ('[{"a": null}]', '[{"a": 1.5}]'),
        ('[{"a": "x"}]', '{"a": ["y", null]}', '{"columns": ["a"], "index": [9], "data": [["z"]]}'),
    ],
)
def test_requests_of_the_same_columns_and_types_share_a_frame(bodies: tuple[str, ...]) -> None:
    calls: list[int] = []

    def function(frame: pd.DataFrame) -> list[int]:
        calls.append(len(frame))
        return [0] * len(frame)

    api_of(DataframeInput(), function, batch=True).handle_batch_request(
        [HTTPRequest(body=body.encode()) for body in bodies]
    )
    assert len(calls) == 1


def test_declared_numbers_share_a_frame_whatever_was_written() -> None:
    calls: list[list[float]] = []

    def function(frame: pd.DataFrame) -> list[int]:
        calls.append(frame["a"].tolist())
        return [0] * len(frame)

    adapter = DataframeInput(dtype={"a": float})
    bodies = ['[{"a": 1}]', '[{"a": 1.5}]', '[{"a": "2"}]', '[{"a": true}]']
    api_of(adapter, function, batch=True).handle_batch_request([HTTPRequest(body=body.encode()) for body in bodies])
    assert calls == [[1.0, 1.5, 2.0, 1.0]]


class TestColumns:
    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ('[{"c": 3, "b": 2, "a": 1}]', "application/json"),
            ('{"c": [3], "b": [2], "a": [1]}', "application/json"),
            ('{"columns": ["c", "b", "a"], "index": [0], "data": [[3, 2, 1]]}', "application/json"),
            ("[[1, 2, 3]]", "application/json"),
            ("c,b,a\n3,2,1\n", "text/csv"),
        ],
    )
    def test_columns_when_given_fix_set_and_order(self, body: str, content_type: str) -> None:
        frame = frame_of(DataframeInput(columns=["a", "b"]), body, content_type)
        assert frame.to_dict("records") == [{"a": 1, "b": 2}]
        assert list(frame) == ["a", "b"]

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ('[{"a": 1}]', "application/json"),
            ('[{"a": 1, "b": 2}, {"a": 1}]', "application/json"),
            ('{"a": [1]}', "application/json"),
            ('{"a": {"0": 1, "1": 2}, "b": {"0": 1}}', "application/json"),
            ('{"columns": ["a"], "index": [0], "data": [[1]]}', "application/json"),
            ("[[1]]", "application/json"),
            ("a\n1\n", "text/csv"),
        ],
    )
    def test_column_that_is_missing_refuses_that_request_alone(self, body: str, content_type: str) -> None:
        api = api_of(DataframeInput(columns=["a", "b"]), rows_of, batch=True)
        good = HTTPRequest(body=b'[{"a": 1, "b": 2}]')
        responses = api.handle_batch_request([good, HTTPRequest({"Content-Type": content_type}, body.encode()), good])
        assert [response.status for response in responses] == [200, 400, 200]

    def test_rows_without_some_columns_when_none_are_declared_have_missing_values(self) -> None:
        frame = frame_of(DataframeInput(), '[{"a": 1}, {"b": "x"}]')
        assert list(frame) == ["a", "b"]
        assert frame.isna().to_numpy().tolist() == [[False, True], [True, False]]


class TestDtype:
    @pytest.mark.parametrize(
        ("dtype", "values", "expected"),
        [
            ("int64", [1, "2", 3.0, True], [1, 2, 3, 1]),
            (np.int8, [127], [127]),
            (np.dtype("float32"), [1, "1.5", None], [1.0, 1.5, None]),
            (float, [10**20], [1e20]),
            (bool, [True, 0, "TRUE", "false", 1.0], [True, False, True, False, True]),
            (str, [1, "01", None, True, 1.5], ["1", "01", None, "True", "1.5"]),
            ("string", [1, "01", None], ["1", "01", None]),
            (object, [1, "01", None], [1, "01", None]),
            ("Int64", [1, None], [1, None]),
            (pd.Int64Dtype(), [2**53 + 1, None], [2**53 + 1, None]),
            (pd.CategoricalDtype(["x", "y"]), ["y", "z"], ["y", None]),
            ("category", ["y", "x"], ["y", "x"]),
            ("datetime64[ns]", ["2020-01-02", None], [pd.Timestamp("2020-01-02"), None]),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("as_list", [True, False], ids=["list", "dict"])
    def test_dtype_converts_json_values(
        self, dtype: Any, values: list[Any], expected: list[Any], as_list: bool
    ) -> None:
        adapter = DataframeInput(dtype=[dtype] if as_list else {"a": dtype})
        column = frame_of(adapter, json.dumps({"a": values}))["a"]
        assert [None if pd.isna(one) else one for one in column.tolist()] == expected
        if dtype is not str:
            assert column.dtype == dtype

    @pytest.mark.parametrize(
        ("dtype", "value"),
        [
            ("int64", 1.5),
            ("int64", "x"),
            ("int64", None),
            ("int64", [1]),
            ("int8", 300),
            ("uint8", -1),
            ("int64", 2**64),
            (float, "x"),
            (float, [1.0]),
            (float, {"a": 1}),
            (bool, "maybe"),
            (bool, 2),
            (bool, None),
            ("Int64", 1.5),
            ("datetime64[ns]", "yesterday-ish"),
        ],
        ids=str,
    )
    def test_value_that_does_not_fit_refuses_that_request_alone(self, dtype: Any, value: Any) -> None:
        api = api_of(DataframeInput(dtype={"a": dtype}), lambda frame: [1] * len(frame), batch=True)
        fitting = "2020-01-01" if "date" in str(dtype) else 1
        bodies = [json.dumps({"a": [one]}).encode() for one in (fitting, value, fitting, fitting)]
        responses = api.handle_batch_request([HTTPRequest(body=body) for body in bodies])
        assert [response.status for response in responses] == [200, 400, 200, 200]
        assert responses[1].body.startswith(REFUSAL.encode())

    def test_open_categories_never_depend_on_neighbours(self) -> None:
        seen: list[list[str]] = []

        def function(frame: pd.DataFrame) -> list[int]:
            seen.append(list(frame["a"].cat.categories))
            return [0] * len(frame)

        api = api_of(DataframeInput(dtype={"a": "category"}), function, batch=True)
        api.handle_batch_request([HTTPRequest(body=b'[{"a": "x"}]'), HTTPRequest(body=b'[{"a": "y"}]')])
        assert seen == [["x"], ["y"]]

    @pytest.mark.parametrize("dtype", [{"a": str, "b": "float32"}, [str, "float32"]], ids=["dict", "list"])
    @pytest.mark.parametrize("columns", [["a", "b"], None], ids=["columns", "no columns"])
    def test_dtype_converts_csv(self, dtype: Any, columns: Any) -> None:
        frame = frame_of(DataframeInput(columns=columns, dtype=dtype), "a,b\n0012,1\n", "text/csv")
        assert frame["a"].tolist() == ["0012"]
        assert frame["b"].dtype == "float32"

    def test_csv_that_does_not_fit_its_dtype_is_refused(self) -> None:
        assert refusal_of(DataframeInput(dtype={"a": int}), "a\nx\n", "text/csv")

    def test_dtype_unknown_to_pandas_is_an_error_of_the_service(self) -> None:
        api = api_of(DataframeInput(dtype={"a": "nonsense"}), lambda frame: frame, batch=True)
        assert api.handle_request(HTTPRequest(body=b'[{"a": 1}]')).status == 500
        adapter = DataframeInput(dtype={"a": "nonsense"})
        with pytest.raises(BentoMLConfigException, match="nonsense"):
            adapter.group_tasks([InferenceTask(data='[{"a": 1}]')])


def test_csv_values_are_what_pandas_reads() -> None:
    frame = frame_of(DataframeInput(), "a,b,c\n1,NA,x\n2,1.5,007\n", "text/csv; charset=utf-8")
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [True, False]
    assert frame["c"].tolist() == ["x", "007"]


def test_frame_is_counted_from_zero_over_the_batch() -> None:
    frames: list[pd.DataFrame] = []

    def function(frame: pd.DataFrame) -> pd.Series[Any]:
        frames.append(frame)
        return frame["col1"] * 2

    bodies = ['{"col1": {"7": 10, "9": 20}}', '[{"col1": 30}]']
    responses: list[HTTPResponse] = api_of(DataframeInput(), function, batch=True).handle_batch_request(
        [HTTPRequest(body=body.encode()) for body in bodies]
    )
    assert frames[0].index.tolist() == [0, 1, 2]
    assert [response.body for response in responses] == [b'[{"col1":20},{"col1":40}]', b'[{"col1":60}]']


def test_function_that_changes_its_frame_before_it_raises_is_asked_again_with_fresh_values() -> None:
    def function(frame: pd.DataFrame) -> list[int]:
        for cell in frame["a"]:
            cell.append(0)
        if len(frame) > 1:
            raise ValueError("too many")
        return [len(cell) for cell in frame["a"]]

    responses = api_of(DataframeInput(), function, batch=True).handle_batch_request(
        [HTTPRequest(body=b'[{"a": []}]')] * 3
    )
    assert [response.body for response in responses] == [b"[1]"] * 3


def test_command_line_infers_csv_from_the_extension(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.CSV").write_text("a\n1\n")
    (tmp_path / "a.json").write_text('[{"a": 2}]')
    api = api_of(DataframeInput(), lambda frame: frame["a"].tolist(), batch=True)
    assert api.handle_cli(["--input-file", str(tmp_path / "a.CSV"), str(tmp_path / "a.json")]) == 0
    assert capsys.readouterr().out.splitlines() == ["[1]", "[2]"]
    assert api.handle_cli(["--input-file", str(tmp_path / "a.CSV"), "--format", "json"]) == 1


class TestConstructor:
    def test_another_typ_is_not_implemented(self) -> None:
        with pytest.raises(NotImplementedError, match="series"):
            DataframeInput(typ="series")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"orient": "table"},
            {"columns": ["a"], "dtype": {"b": int}},
            {"columns": ["a"], "dtype": {"a": int, "b": int}},
            {"columns": ["a"], "dtype": [int, int]},
            {"dtype": "float"},
        ],
        ids=str,
    )
    def test_contradiction_is_an_assertion_error(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(AssertionError):
            DataframeInput(**arguments)

    def test_old_name_of_dtype_works_with_a_warning(self) -> None:
        with pytest.warns(DeprecationWarning, match="dtype"):
            assert DataframeInput(input_dtypes={"a": "int64"}).dtype == {"a": "int64"}

    def test_config_names_the_types(self) -> None:
        dtype = {"a": int, "b": np.float32, "c": np.dtype("int8"), "d": pd.Int64Dtype(), "e": "bool", "f": pd.Int8Dtype}
        assert DataframeInput(orient="records", dtype=dtype).config == {
            "orient": "records",
            "typ": "frame",
            "dtype": {"a": "int", "b": "float32", "c": "int8", "d": "Int64", "e": "bool", "f": "Int8"},
        }

    def test_schema_shows_the_declared_columns(self) -> None:
        dtype = {"a": int, "b": np.float32, "c": str, "d": bool, "e": "datetime64[ns]", "f": pd.UInt8Dtype()}
        kinds = ["integer", "number", "string", "boolean", "object", "integer"]
        schema = DataframeInput(dtype=dtype).request_schema
        assert schema["application/json"] == {
            "schema": {
                "type": "object",
                "properties": {
                    name: {"type": "array", "items": {"type": kind}} for name, kind in zip(dtype, kinds, strict=True)
                },
            },
            "example": {"a": [1], "b": [1.5], "c": ["text"], "d": [True], "e": [None], "f": [1]},
        }
        assert schema["text/csv"] == {"schema": {"type": "string"}}
        form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
        assert schema["multipart/form-data"] == {"schema": form}
        assert set(schema) > {"application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"}

    @pytest.mark.parametrize("orient", [None, "records", "columns", "values", "split", "index"])
    @pytest.mark.parametrize(
        "settings", [{}, {"columns": ["x"]}, {"dtype": {"a": int, "b": "datetime64[ns]"}}, {"dtype": [str]}], ids=str
    )
    def test_example_of_the_schema_is_accepted(self, orient: str | None, settings: dict[str, Any]) -> None:
        adapter = DataframeInput(orient=orient, **settings)
        assert len(frame_of(adapter, json.dumps(adapter.request_schema["application/json"]["example"]))) == 1

    def test_schema_of_a_list_uses_the_column_names(self) -> None:
        schema = DataframeInput(columns=["x", "y"], dtype=["int64", Decimal]).request_schema
        assert list(schema["application/json"]["schema"]["properties"]) == ["x", "y"]


def test_tasks_of_different_groups_cannot_be_extracted_together() -> None:
    with pytest.raises(ValueError, match="cannot share a frame"):
        DataframeInput().extract_user_func_args([InferenceTask(data='[{"a": 1}]'), InferenceTask(data='[{"b": 1}]')])


def test_malformed_task_is_discarded_when_extracted_directly() -> None:
    tasks: list[InferenceTask[Any]] = [InferenceTask(data='[{"a": 1}]'), InferenceTask(data="{bad")]
    (frame,) = DataframeInput().extract_user_func_args(tasks)
    assert (len(frame), tasks[0].batch, tasks[1].is_discarded) == (1, 1, True)


@pytest.mark.parametrize("rows", [1, 3])
def test_frame_of_one_request_without_batches_is_answered_as_a_whole(rows: int) -> None:
    def function(frame: Any) -> Any:
        return frame["a"] * 2

    body = json.dumps([{"a": i} for i in range(rows)]).encode()
    api = api_of(DataframeInput(), function, batch=False)
    first, bad, second = api.handle_batch_request(
        [HTTPRequest(body=body), HTTPRequest(body=b"?"), HTTPRequest(body=body)]
    )
    assert (first.status, json.loads(first.body)) == (200, [{"a": 2 * i} for i in range(rows)])
    assert second.body == first.body
    assert (bad.status, bad.body[:38]) == (400, b"DataframeInput Wrong input format: not")


@pytest.mark.parametrize(
    "value",
    [
        [{str(number): 1} for number in range(2000)],
        {str(number): {str(number): 1} for number in range(2000)},
    ],
    ids=["records", "columns"],
)
def test_table_that_is_nearly_all_gaps_is_refused(value: Any) -> None:
    response = api_of(DataframeInput(), len, batch=False).handle_request(HTTPRequest(body=json.dumps(value).encode()))
    assert (response.status, b"2000 values for 4000000 cells" in response.body) == (400, True), response.body


def test_table_with_some_gaps_is_read() -> None:
    rows = [{"a": 1}, *({"a": 1, str(number): 2} for number in range(300))]
    response = api_of(DataframeInput(), len, batch=False).handle_request(HTTPRequest(body=json.dumps(rows).encode()))
    assert (response.status, response.body) == (200, b"301")


@pytest.mark.parametrize(
    ("dtype", "cells"),
    [
        ("datetime64[ns]", ["2020-01-01", "2020-01-02T03:04:05.5"]),
        ("datetime64[ns]", [1577836800000000000, -5]),
        ("datetime64[s]", ["2020-01-01", None]),
        ("datetime64[ns, UTC]", ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00+02:00"]),
        ("datetime64[ns, Europe/Berlin]", ["2020-01-01T00:00:00Z", None]),
        ("timedelta64[ns]", ["1 days 02:00:00", "5 min"]),
        (np.dtype("timedelta64[ms]"), [5, None]),
    ],
    ids=str,
)
def test_csv_with_declared_times_is_read_as_json_is(dtype: Any, cells: list[Any]) -> None:
    adapter = DataframeInput(dtype={"b": dtype})
    csv = "a,b\n" + "".join(f"x,{'' if cell is None else cell}\n" for cell in cells)
    rows = [{"a": "x", "b": cell} for cell in cells]
    of_csv, of_json = frame_of(adapter, csv, "text/csv"), frame_of(adapter, json.dumps(rows), "application/json")
    assert of_csv["b"].dtype == pd.api.types.pandas_dtype(dtype)
    pd.testing.assert_frame_equal(of_csv, of_json)


@pytest.mark.parametrize("dtype", ["datetime64[ns]", "datetime64[ns, UTC]", "timedelta64[ns]"])
def test_csv_that_does_not_fit_a_declared_time_is_refused(dtype: str) -> None:
    assert refusal_of(DataframeInput(dtype={"b": dtype}), "a,b\n1,never\n", "text/csv")
    assert refusal_of(DataframeInput(dtype={"b": dtype}), f"a,b\n1,{'9' * 400}\n", "text/csv")


def test_csv_with_declared_times_by_position_needs_no_names() -> None:
    frame = frame_of(DataframeInput(dtype=["int64", "datetime64[ns]"]), "a,b\n1,2020-01-01\n", "text/csv")
    assert frame["b"].tolist() == [pd.Timestamp("2020-01-01")]


@pytest.mark.parametrize("header", ["," * 20_000, "\n\r\n" + "a," * 20_000, '"x\ny"' + ",a" * 20_000])
def test_csv_of_too_many_columns_is_refused(header: str) -> None:
    refusal = refusal_of(DataframeInput(), f"{header}\n1\n", "text/csv")
    assert "more than 10000 columns" in str(refusal)


def test_csv_whose_lines_end_in_cr_alone_is_read() -> None:
    assert frame_of(DataframeInput(), "a,b\r1,2\r", "text/csv").to_dict("list") == {"a": [1], "b": [2]}


@pytest.mark.parametrize("cell", ["a", [], 2**70], ids=["text", "list", "large integer"])
@pytest.mark.parametrize("rows", [1, 2])
def test_too_many_columns_of_other_things_than_numbers_are_refused(cell: Any, rows: int) -> None:
    api = api_of(DataframeInput(), lambda frame: [1] * len(frame), batch=True)
    wide = HTTPRequest(body=json.dumps([[cell] * 20_001] * rows).encode())
    numbers = HTTPRequest(body=json.dumps([[1] * 20_001]).encode())
    for response in (api.handle_request(wide), api.handle_batch_request([wide, numbers, wide])[2]):
        assert (response.status, b"more than 20000 columns" in response.body) == (400, True), response.body

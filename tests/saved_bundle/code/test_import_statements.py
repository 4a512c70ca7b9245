"""Reading import statements."""

from __future__ import annotations

import textwrap

import pytest

from bentoml.exceptions import BentoMLException
from bentoml.saved_bundle.code.import_statements import public_names, read_imports

CASES = [
    pytest.param("import a", ["a"], id="import"),
    pytest.param("import a.b.c as d, e", ["a.b.c", "e"], id="several"),
    pytest.param("from __future__ import annotations", [], id="future"),
    pytest.param("from a.b import c as d, e", ["a.b(c,e)"], id="from"),
    pytest.param("from a import *", ["a(*)"], id="star"),
    pytest.param("from . import x", ["top.pkg(x)"], id="relative"),
    pytest.param("from .x import y", ["top.pkg.x(y)"], id="relative module"),
    pytest.param("from ..x import y", ["top.x(y)"], id="relative, up"),
    pytest.param("from .. import y", ["top(y)"], id="relative, up, bare"),
    pytest.param(
        "from .... import y\nfrom ....z import *",
        [
            "from .... import y -- goes beyond the top package",
            "from ....z import * -- goes beyond the top package",
        ],
        id="relative, too far up",
    ),
    pytest.param("def f():\n    import a\n    class C:\n        import b", ["a", "b"], id="nested"),
    pytest.param("async def f():\n    with x:\n        import a", ["a"], id="async"),
    pytest.param(
        "if TYPE_CHECKING:\n    import a\nelse:\n    import b", ["a -- only for type checkers", "b"], id="type checking"
    ),
    pytest.param(
        "import typing as t\nif t.TYPE_CHECKING:\n    import a",
        ["typing", "a -- only for type checkers"],
        id="type checking, attribute",
    ),
    pytest.param("if x:\n    import a\nelif y:\n    import b\nelse:\n    import c", ["a", "b", "c"], id="if"),
    pytest.param("try:\n    import a\nexcept ImportError:\n    import b", ["a?", "b? instead of a"], id="try"),
    pytest.param("try:\n    import a\nexcept (KeyError, ModuleNotFoundError):\n    pass", ["a?"], id="try, tuple"),
    pytest.param("try:\n    import a\nexcept:\n    pass\nelse:\n    import b", ["a?", "b"], id="try, bare, else"),
    pytest.param("try:\n    import a\nexcept builtins.ImportError:\n    pass", ["a?"], id="try, dotted"),
    pytest.param("try:\n    import a\nexcept ValueError:\n    import b", ["a", "b"], id="try, other error"),
    pytest.param("try:\n    import a\nfinally:\n    import b", ["a", "b"], id="try, finally"),
    pytest.param("try:\n    def f():\n        import a\nexcept ImportError:\n    pass", ["a?"], id="function in try"),
    pytest.param("import_module('a.b')", ["a.b?"], id="import_module"),
    pytest.param("importlib.import_module('a.b', package=None)", ["a.b?"], id="importlib.import_module"),
    pytest.param("x = __import__('a')", ["a?"], id="__import__"),
    pytest.param("import_module('.a', __package__)", ["top.pkg.a?"], id="import_module, relative"),
    pytest.param("import_module('..a', package='p.q')", ["p.a?"], id="import_module, relative to a literal"),
    pytest.param("import_module('.a', package=x); import_module('....a', __package__)", [], id="import_module, lost"),
    pytest.param("import_module(name='a')", ["a?"], id="import_module, keyword"),
    pytest.param(
        "from importlib import import_module as load\nload('a')",
        ["importlib(import_module)", "a?"],
        id="import_module, alias",
    ),
    pytest.param(
        "import sys as s\nif s.platform == 'aix':\n    import a",
        ["sys", "a -- only on another platform"],
        id="alias of a module",
    ),
    pytest.param(
        "from sys import platform, version_info as v\nif platform == 'aix' or v[0] < 3:\n    import a",
        ["sys(platform,version_info)", "a -- only on another platform"],
        id="alias of a name",
    ),
    pytest.param(
        "from typing import TYPE_CHECKING as T\nif T:\n    import a",
        ["typing(TYPE_CHECKING)", "a -- only for type checkers"],
        id="type checking, alias",
    ),
    pytest.param(
        "from shop import platform\nif platform == 'aix':\n    import a", ["shop(platform)", "a"], id="no alias"
    ),
    pytest.param("import_module(); import_module(3)", [], id="import_module, no name"),
    pytest.param(
        "import_module(f'p.{x}')", ["import_module(f'p.{x}') -- its name is only known at run time"], id="computed name"
    ),
    pytest.param("with suppress(ImportError):\n    import a\nimport b", ["a?", "b"], id="suppress"),
    pytest.param("with contextlib.suppress(KeyError):\n    import a", ["a"], id="suppress, other error"),
    pytest.param(
        "if importlib.util.find_spec('a') is not None:\n    import a\nelse:\n    import b", ["a?", "b"], id="find_spec"
    ),
    pytest.param(
        "try:\n    import a\n    from b import c\nexcept ImportError:\n    import d\nimport e",
        ["a?", "b(c)?", "d? instead of a, b", "e"],
        id="fallback",
    ),
    pytest.param("'import a'  # import b", [], id="text"),
    pytest.param("match x:\n    case 1:\n        import a", ["a"], id="match"),
]


def shown(source: str) -> list[str]:
    return [
        found.name
        + (f"({','.join(['*'] if found.star else found.attributes)})" if found.star or found.attributes else "")
        + ("?" if found.optional else "")
        + (f" instead of {', '.join(found.instead_of)}" if found.instead_of else "")
        + (f" -- {found.rule}" if found.rule else "")
        + (f"; {found.marker}" if found.marker else "")
        for found in read_imports(source.encode(), "f.py", "top.pkg.module", is_package=False)
    ]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_read_imports_of_a_statement_gives_the_modules(source: str, expected: list[str]) -> None:
    assert shown(source) == expected


def test_read_imports_in_a_package_counts_from_the_package() -> None:
    found = read_imports(b"from . import x", "f.py", "top.pkg", is_package=True)
    assert [(one.name, one.attributes) for one in found] == [("top.pkg", ("x",))]


def test_read_imports_names_file_and_line() -> None:
    source = textwrap.dedent("""
        x = 1
        import a
    """)
    assert [one.place for one in read_imports(source.encode(), "dir/f.py", "f", is_package=False)] == ["dir/f.py:3"]


def test_read_imports_honours_the_declared_encoding() -> None:
    source = "# -*- coding: latin-1 -*-\nname = 'é'\nimport a\n".encode("latin-1")
    assert [one.name for one in read_imports(source, "f.py", "f", is_package=False)] == ["a"]


@pytest.mark.parametrize("source", [b"import", b"\0", b"def f(:\n", "x = 'é'".encode("latin-1")], ids=ascii)
def test_read_imports_of_what_is_not_python_names_the_file(source: bytes) -> None:
    with pytest.raises(BentoMLException, match=r"dir/f\.py is imported by the service but cannot be parsed"):
        read_imports(source, "dir/f.py", "f", is_package=False)


NESTED = ["x" + ".a()" * 5000, f"if {'not ' * 950}x:\n    import a", f"x = {'-' * 100000}1"]


@pytest.mark.parametrize("source", NESTED, ids=["calls", "tests", "signs"])
def test_read_imports_of_what_is_nested_too_deeply_names_the_file_and_the_reason(source: str) -> None:
    with pytest.raises(BentoMLException, match=r"dir/f\.py is imported by the service but cannot be parsed: \w+"):
        read_imports(source.encode(), "dir/f.py", "f", is_package=False)


def test_public_names_reads_literal_lists() -> None:
    assert public_names(b"__all__ = ['a']\n__all__ += ('b', x)\nother = ['c']") == ["a", "b"]

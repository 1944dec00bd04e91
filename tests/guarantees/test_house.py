"""The house style's sizes and habits, held for every file (CONTRIBUTING.md, "Style")."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
PARAMETERS_MAX = 5
# A package from outside is imported only where it is wrapped.
ONLY_IN = {
    "deepgram": {"services/transcriber/vendors"},
    "anthropic": {"services/chat/vendors"},
    "openai": {"services/chat/vendors", "services/embedder/vendors"},
    "minio": {"libs/common/objects"},
    "tink": {"libs/common/objects"},
    "fastapi_offline": {"services/gateway/api"},
    "faster_whisper": {"services/transcriber/vendors"},
}
FORBIDDEN_NAMES = {"utils", "helpers", "base", "manager", "impl", "service"}
BROAD_CATCHES = {"libs/common/messaging/handling.py", "libs/common/http/edge.py"}


def _sources() -> list[Path]:
    folders = ("services", "libs", "tests", "benchmarks", "evals", "proofs", "samples")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [ROOT / "conftest.py", *found]


SOURCES = _sources()
PRODUCT = [path for path in SOURCES if "tests" not in path.parts]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_file_passes_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_function_passes_40_lines(path: Path) -> None:
    if "versions" in path.parts:
        return  # a migration is SQL, and a table's definition belongs together
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in _functions(ast.parse(path.read_text()))}

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_no_function_takes_more_than_five_positional_parameters(path: Path) -> None:
    if path.is_relative_to(ROOT / "libs" / "ops"):
        return  # the parameters of a command are its options, which is how typer declares them
    counts = {f.name: _parameters(f) for f in _functions(ast.parse(path.read_text()))}

    assert {name: number for name, number in counts.items() if number > PARAMETERS_MAX} == {}


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_module_starts_with_a_sentence_that_says_why(path: Path) -> None:
    text = path.read_text()
    if not text.strip():
        return

    assert (ast.get_docstring(ast.parse(text)) or "").strip() != ""


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_file_is_named_after_nothing(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_no_todo_is_left_and_nothing_of_ours_is_patched(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text()

    assert re.findall(r"\b(?:TODO|FIXME|XXX)\b|monkeypatch\.setattr|mock\.patch|unittest\.mock", text) == []


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_everything_is_caught_only_at_the_two_edges_or_to_clean_up_and_raise_again(path: Path) -> None:
    if _name(path) in BROAD_CATCHES:
        return
    handlers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]

    broad = [h.lineno for h in handlers if h.type is None or ast.unparse(h.type) in ("Exception", "BaseException")]
    raising = [h.lineno for h in handlers if ast.unparse(h.body[-1]) == "raise"]

    assert [line for line in broad if line not in raising] == []


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_an_outside_package_is_imported_only_where_it_is_wrapped(path: Path) -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    folder = _name(path.parent)

    strays = {name for name in imported & set(ONLY_IN) if folder not in ONLY_IN[name]}
    assert strays == set() or folder.startswith(("libs/devstack", "evals", "benchmarks", "proofs", "samples"))


def test_every_service_says_what_it_owns_consumes_emits_and_asks() -> None:
    promises = {
        path.parent.name: ast.get_docstring(ast.parse(path.read_text())) or ""
        for path in (ROOT / "services").glob("*/__init__.py")
    }

    for service, promise in promises.items():
        missing = [word for word in ("Owns", "Consumes", "Emits", "Asks") if f"{word}:" not in promise]
        assert missing == [], service

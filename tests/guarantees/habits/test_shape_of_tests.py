"""The shape of a test: one act, a blank line, then what is asserted (CONTRIBUTING.md, "Style")."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("services", "libs", "tests", "benchmarks", "evals", "proofs", "samples")
FILES_MIN = 200
# Tests that act again after an assertion, by folder; may only become less.
ACT_AGAIN = {
    "libs/common": 13,
    "libs/devstack": 9,
    "libs/ops": 4,
    "services/chat": 4,
    "services/consent": 3,
    "services/embedder": 3,
    "services/gateway": 1,
    "services/ingestion": 2,
    "services/transcriber": 5,
    "tests/e2e": 10,
    "tests/guarantees": 3,
}


@cache
def _files() -> tuple[Path, ...]:
    return tuple(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("test_*.py")))


def _tests(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return (function for function in functions if function.name.startswith("test_"))


def _is_assertion(statement: ast.stmt) -> bool:
    """Tell whether a statement asserts: by itself, by what it says is raised, or in all that it repeats."""
    if isinstance(statement, ast.With):
        return any(ast.unparse(item.context_expr).startswith("pytest.raises") for item in statement.items)
    if isinstance(statement, ast.For | ast.AsyncFor | ast.If):
        return all(_is_assertion(part) for part in (*statement.body, *statement.orelse))
    return isinstance(statement, ast.Assert)


def _last_block(statements: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    """Return the block that ends the test: the innermost of those that only hold something open around it."""
    last = statements[-1]
    if isinstance(last, ast.With | ast.AsyncWith) and not _is_assertion(last):
        return _last_block(last.body)
    return statements


def _crowded(text: str) -> Iterator[int]:
    """Yield the line of each test's last assertions where no blank line stands between them and what is before."""
    lines = text.splitlines()
    for test in _tests(ast.parse(text)):
        block = _last_block(test.body)
        first = next((at for at in range(len(block), 0, -1) if not _is_assertion(block[at - 1])), 0)
        if 0 < first < len(block) and all(lines[(block[first - 1].end_lineno or 0) : block[first].lineno - 1]):
            yield block[first].lineno


def _acts_again(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether something that is no assertion follows on one, in any block of a test."""
    blocks = [test.body, *(node.body for node in ast.walk(test) if isinstance(node, ast.With | ast.AsyncWith))]
    asserted = [[_is_assertion(statement) for statement in block] for block in blocks]
    return any(sorted(block) != block for block in asserted)


def test_a_blank_line_stands_before_the_last_assertions_of_a_test() -> None:
    crowded = {str(path.relative_to(ROOT)): list(_crowded(path.read_text())) for path in _files()}

    assert len(crowded) > FILES_MIN
    assert {name: lines for name, lines in crowded.items() if lines} == {}


def test_no_more_tests_act_again_after_an_assertion_than_did() -> None:
    found: dict[str, int] = {}
    for path in _files():
        room = "/".join(path.relative_to(ROOT).parts[:2])
        again = sum(_acts_again(test) for test in _tests(ast.parse(path.read_text())))
        found[room] = found.get(room, 0) + again

    assert {room: count for room, count in found.items() if count} == ACT_AGAIN


@pytest.mark.parametrize(
    ("body", "is_crowded"),
    [
        ("a = act()\n    assert a", True),
        ("a = act()\n    # Why.\n    assert a", True),
        ("with open_world():\n        act()\n        assert a", True),
        ("act()\n    with pytest.raises(AppError):\n        act()", True),
        ("a = act()\n\n    assert a\n    assert b", False),
        ("a = act()\n\n    # Why.\n    assert a", False),
        ("assert act()", False),
    ],
)
def test_assertions_that_stand_close_to_what_is_before_are_found(body: str, *, is_crowded: bool) -> None:
    text = f"def test_x():\n    {body}\n"

    assert bool(list(_crowded(text))) == is_crowded


@pytest.mark.parametrize(
    ("body", "again"),
    [
        ("a()\n    assert b\n    c()\n    assert d", True),
        ("with a():\n        assert b\n        c()", True),
        ("a()\n    assert b", False),
    ],
)
def test_an_act_after_an_assertion_is_found(body: str, *, again: bool) -> None:
    (test,) = _tests(ast.parse(f"def test_x():\n    {body}\n"))

    assert _acts_again(test) == again

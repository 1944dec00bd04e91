"""Every limit has a name, wherever it is given, and in the rooms of the streams a reason beside it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES_MIN = 300
# What takes limits as its arguments, and what limits are called elsewhere; names that end in a unit are limits too.
WAITING = {"sleep", "timeout", "wait_for", "Timer", "Semaphore", "ThreadPoolExecutor", "deque", "Queue"}
LIMIT = re.compile(
    r"timeout|retries|max_connections|maxsize|pool_size|max_overflow|attempts|within_s|grace"
    r"|max_length|min_length|multiplier|backoff|^max$|^last$|^years$"
    r"|(?:_|^)(?:s|ms|bytes|chars|tokens|max|min|seconds|minutes|hours|days)$"
)
IN_SQL = re.compile(r"\binterval\s+'[^']*\d[^']*'|=>\s*\d+|\blimit\s+(?!1\b)\d+", re.IGNORECASE)
CONSTANT = re.compile(r"(?:_|^)(?:s|ms|bytes|max|min|days)$|^(?:concurrency|batch)$", re.IGNORECASE)
# Rooms in which each number that is waited, kept or taken at once says why it is that one.
EXPLAINED = ("libs/common/messaging", "libs/common/streams", "libs/common/process")
# SQL that has run keeps its numbers, and what devstack starts is waited for by hand.
FREE = ("libs/devstack",)


def _shipped() -> list[Path]:
    found = [path for room in ("services", "libs") for path in sorted((ROOT / room).rglob("*.py"))]
    own = [path for path in found if not {"tests", "migrations"} & set(path.parts)]
    return [path for path in own if not _name(path).startswith(FREE)]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _nameless(text: str) -> list[str]:
    """The limits without a name: arguments by place and by keyword, defaults of parameters, numbers in SQL."""
    nodes = list(ast.walk(ast.parse(text)))
    given = [limit for node in nodes for limit in (*_arguments(node), *_defaults(node))]
    found = [f"line {part.lineno}: {part.value!r}" for limit in given for part in _numbers(limit)]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found + [f"line {node.lineno}: {number}" for node in texts for number in IN_SQL.findall(str(node.value))]


def _arguments(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        if ast.unparse(node.func).rpartition(".")[2] in WAITING:
            yield from node.args
        # A call of `timedelta` has the unit as its keyword, and stands behind the name of a constant.
        elif ast.unparse(node.func) == "timedelta":
            return
        yield from (keyword.value for keyword in node.keywords if LIMIT.search(keyword.arg or ""))


def _defaults(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        by_place = [*node.args.posonlyargs, *node.args.args]
        with_default = by_place[len(by_place) - len(node.args.defaults) :]
        yield from (value for _, value in zip(with_default, node.args.defaults, strict=True))
        yield from (value for value in node.args.kw_defaults if value is not None)


def _numbers(limit: ast.expr) -> list[ast.Constant]:
    """The numbers without a name in a limit: itself, or what is reckoned with (`deadline_s + 10`)."""
    parts = ast.walk(limit) if isinstance(limit, ast.BinOp) else (limit,)
    return [part for part in parts if isinstance(part, ast.Constant) and _is_limit(part)]


def _is_limit(given: ast.Constant) -> bool:
    """Tell a number from what needs no name: none, nothing, and one."""
    return type(given.value) in (int, float) and given.value not in (0, 1)


def _unexplained(text: str) -> list[str]:
    """The constants and fields with a number that has no sentence above, behind or below them.

    A comment counts for those that stand under it without a gap.
    """
    lines = text.splitlines()
    bodies = [node.body for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Module | ast.ClassDef)]
    return [
        f"line {statement.lineno}: {name}"
        for body in bodies
        for at, statement in enumerate(body)
        if (name := _limiting(statement)) and not _is_explained(body[at + 1 :], statement, lines)
    ]


def _limiting(statement: ast.stmt) -> str:
    """Return the name of a constant or field that a number limits, else an empty text."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    value = getattr(statement, "value", None)
    name = target.id if isinstance(target, ast.Name) else ""
    return name if CONSTANT.search(name) and isinstance(value, ast.expr) and _numbers(value) else ""


def _is_explained(after: list[ast.stmt], statement: ast.stmt, lines: list[str]) -> bool:
    following = after[0] if after else None
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        return True
    block = lines[: statement.lineno - 1]
    while block and re.match(r"\s*_?[A-Za-z_]+(?:: \w+)? = ", block[-1]):
        block.pop()
    return "#" in lines[statement.lineno - 1] or (bool(block) and block[-1].lstrip().startswith("#"))


def test_whatever_waits_is_tried_again_or_is_kept_has_a_limit_with_a_name() -> None:
    found = {_name(path): _nameless(path.read_text()) for path in _shipped()}

    assert len(found) > FILES_MIN
    assert {name: limits for name, limits in found.items() if limits} == {}


def test_where_events_are_moved_every_limit_says_why_it_is_that_one() -> None:
    rooms = [path for path in _shipped() if _name(path).startswith(EXPLAINED)]

    found = {_name(path): _unexplained(path.read_text()) for path in rooms}

    assert {name: constants for name, constants in found.items() if constants} == {}


@pytest.mark.parametrize(
    "code",
    [
        "await asyncio.wait_for(stop.wait(), 5)",
        "httpx.Timeout(connect_timeout=3)",
        "Patience(silence_s=3.0)",
        "def f(last: int = 100) -> None: ...",
        "def f(*, most: int = 100) -> None: ...",
        "sleep(every_s * uniform(0.5, 1.5))",
        "text(\"delete from sent where at < now() - interval '1 hour'\")",
        "text('select id from sent limit 20')",
    ],
)
def test_a_number_that_limits_is_found_where_it_stands(code: str) -> None:
    assert _nameless(code)


@pytest.mark.parametrize("code", ["sleep(0)", "sleep(PAUSE_S)", "text('select 1 limit 1')", "def f(n: int = 0): ..."])
def test_a_limit_with_a_name_is_left_alone(code: str) -> None:
    assert _nameless(code) == []


def test_a_constant_without_a_reason_is_found_and_one_with_a_comment_or_a_sentence_is_not() -> None:
    text = 'A_MAX = 5\nB = 0\n\n# Why.\nC_S = 2.0\nD_S = 3\nE_MIN = 4\n"""Why."""\nF_S = 7  # why\n'

    assert _unexplained(text) == ["line 1: A_MAX"]

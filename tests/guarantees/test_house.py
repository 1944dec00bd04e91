"""The house style's sizes and habits, held for every file (CONTRIBUTING.md, "Style")."""

import ast
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tokenize import COMMENT, generate_tokens

ROOT = Path(__file__).parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
PARAMETERS_MAX = 4
# Half of what ships is at most so long, and nine tenths: what is small stays so, whatever single files may be.
FILE_LINES = {0.5: 90, 0.9: 250}
FUNCTION_LINES = {0.5: 8, 0.9: 25}
TEST_LINES = {0.5: 10, 0.9: 20}
# "Loopback is open": a subject, a verb, and what is said of it.
SENTENCE_WORDS_MIN = 3
# A package from outside is imported only where it is wrapped.
ONLY_IN = {
    "deepgram": {"services/transcriber/vendors"},
    "anthropic": {"services/chat/vendors", "services/embedder/vendors"},
    "openai": {"services/chat/vendors", "services/embedder/vendors"},
    "minio": {"libs/common/objects"},
    "tink": {"libs/common/objects"},
    "fastapi_offline": {"services/gateway/api"},
    "faster_whisper": {"services/transcriber/vendors"},
}
# May only become less.
WIDER = {"services/embedder/chunking.py": {"_endings": 5}}
# Of a hundred lines that ship so many are comments: fewer leave out why, more repeat what the code says.
COMMENTS_OF_100 = (3.0, 10.0)
# In each room (`services/chat`, `libs/media`) at least so many.
COMMENTS_OF_A_ROOM, PARTS_OF_A_ROOM = 2.0, 2
# In the proofs, whose docstrings say what each step is for; may only become more, until it is as in the other rooms.
COMMENTS_OF_PROOFS = 1.4
# Addressed to a tool and no reason for anybody.
TO_A_TOOL = re.compile(r"# (?:noqa|type: ignore|fmt:|ruff:)")
FORBIDDEN_NAMES = {"utils", "helpers", "base", "manager", "impl", "service"}
# Fewer files of the product than this were never there: the rules look into an empty folder.
FILES_MIN = 300
EVERYTHING = ("Exception", "BaseException")
# What every service imports: a class of its own by such a name, or by SQLAlchemy's `Row`, would be read as that one.
CENTRAL = ("libs/common/events.py", "libs/common/database/transaction.py", "libs/common/messaging/steps.py")
BROAD_CATCHES = {"libs/common/messaging/handling.py", "libs/common/http/edge.py"}


def _sources() -> list[Path]:
    folders = ("services", "libs", "tests", "benchmarks", "evals", "proofs", "samples")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [ROOT / "conftest.py", *found]


SOURCES = _sources()
PRODUCT = [path for path in SOURCES if "tests" not in path.parts]
# What runs at an operator's: a proof's or an evaluation's functions are read once, by whoever doubts a figure.
SHIPPED = [path for path in PRODUCT if path.relative_to(ROOT).parts[0] in ("services", "libs")]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _text(path: Path) -> str:
    return path.read_text()


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a file, which is parsed and walked once for all rules."""
    return tuple(ast.walk(ast.parse(_text(path))))


def _offences(paths: Sequence[Path], found_in: Callable[[Path], object]) -> dict[str, object]:
    """What a rule finds, by file; a file in which it finds nothing is left out."""
    found = {_name(path): found_in(path) for path in paths}
    return {name: what for name, what in found.items() if what}


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in _nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _tests(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (f for f in _functions(path) if path.name.startswith("test_") and f.name.startswith("test_"))


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    return len([name for name in names if name not in ("self", "cls")])


def _is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether typer calls it (libs/ops/command.py): its parameters are the options of a command."""
    first = function.args.args[0].annotation if function.args.args else None
    stands_on = ast.unparse(first) if first is not None else ""
    return stands_on in ("Gateway", "OperatorTools") and not function.name.startswith("_")


def test_there_are_files_to_hold_to_the_rules() -> None:
    assert len(SOURCES) > len(PRODUCT) > FILES_MIN


def test_no_file_passes_400_lines() -> None:
    def too_long(path: Path) -> int:
        lines = len(_text(path).splitlines())
        return lines if lines > FILE_LINES_MAX else 0

    assert _offences(SOURCES, too_long) == {}


def test_no_function_passes_40_lines() -> None:
    def too_long(path: Path) -> dict[str, int]:
        lengths = {f"{f.name}:{f.lineno}": _lines(f) for f in _functions(path)}
        return {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX}

    # A migration is SQL, and a table's definition belongs together.
    assert _offences([path for path in SOURCES if "versions" not in path.parts], too_long) == {}


def test_what_ships_is_small_in_the_middle_and_for_nine_of_ten() -> None:
    own = [path for path in SHIPPED if "migrations" not in path.parts]
    files = sorted(lines for path in own if (lines := len(_text(path).splitlines())))
    functions = sorted(_lines(f) for path in own for f in _functions(path))
    tests = sorted(_lines(f) for path in SOURCES for f in _tests(path))

    for sizes, limits in ((files, FILE_LINES), (functions, FUNCTION_LINES), (tests, TEST_LINES)):
        found = {share: sizes[int(len(sizes) * share)] for share in limits}
        assert {share: lines for share, lines in found.items() if lines > limits[share]} == {}


def test_no_function_takes_more_than_four_positional_parameters() -> None:
    def too_many(path: Path) -> dict[str, int]:
        counts = {f.name: _parameters(f) for f in _functions(path) if not _is_command(f)}
        return {name: number for name, number in counts.items() if number > PARAMETERS_MAX}

    assert _offences(SHIPPED, too_many) == WIDER


def test_the_name_of_a_test_is_a_sentence_that_its_file_says_once_and_never_the_name_of_a_function() -> None:
    functions = {f.name for path in PRODUCT for f in _functions(path)}

    def wrong(path: Path) -> list[str]:
        said = Counter(f.name.removeprefix("test_") for f in _tests(path))
        words = {name: len(name.split("_")) for name in said}
        return [name for name in said if said[name] > 1 or words[name] < SENTENCE_WORDS_MIN or name in functions]

    assert _offences(SOURCES, wrong) == {}


def test_a_test_waits_for_a_condition_and_sleeps_for_no_time_that_was_guessed() -> None:
    def guessed(path: Path) -> int:
        calls = [node for node in _nodes(path) if isinstance(node, ast.Call)]
        sleeps = [part for call in calls if ast.unparse(call.func).endswith(".sleep") for part in call.args]
        return sum(isinstance(part, ast.Constant) and _is_duration(part) for part in sleeps)

    # Why time has to pass is said where it does: conditions.let_pass, or the name of what takes that long.
    tests = [path for path in SOURCES if path not in PRODUCT or path.parts[len(ROOT.parts)] == "proofs"]

    assert _offences(tests, guessed) == {}


def _is_duration(given: ast.Constant) -> bool:
    """Tell a number of seconds from 0, with which a test lets other tasks run."""
    return isinstance(given.value, int | float) and given.value > 0


def test_every_module_starts_with_a_sentence_that_says_why() -> None:
    def is_silent(path: Path) -> bool:
        module = _nodes(path)[0]
        assert isinstance(module, ast.Module)
        return (ast.get_docstring(module) or "").strip() == ""

    assert _offences([path for path in SOURCES if _text(path).strip()], is_silent) == {}


def test_of_a_hundred_lines_that_ship_three_to_ten_say_why() -> None:
    own = [path for path in SHIPPED if "migrations" not in path.parts]
    least, most = COMMENTS_OF_100

    assert least <= _comments_of_100(own) <= most


def test_no_room_leaves_its_reasons_to_another() -> None:
    rooms: dict[str, list[Path]] = {}
    for path in SHIPPED:
        if "migrations" not in path.parts and len(path.relative_to(ROOT).parts) > PARTS_OF_A_ROOM:
            rooms.setdefault("/".join(path.relative_to(ROOT).parts[:PARTS_OF_A_ROOM]), []).append(path)

    counted = {room: round(_comments_of_100(paths), 1) for room, paths in rooms.items()}

    assert {"services/gateway", "libs/common", "libs/contracts", "libs/media"} <= counted.keys()
    assert {room: n for room, n in counted.items() if not COMMENTS_OF_A_ROOM <= n <= COMMENTS_OF_100[1]} == {}


def test_the_proofs_say_why_at_least_as_often_as_they_did() -> None:
    assert (
        _comments_of_100([path for path in PRODUCT if path.relative_to(ROOT).parts[0] == "proofs"])
        >= COMMENTS_OF_PROOFS
    )


def _comments_of_100(paths: Sequence[Path]) -> float:
    """Return how many comments there are in a hundred lines that are not empty."""
    lines = sum(line.strip() != "" for path in paths for line in _text(path).splitlines())
    tokens = (token for path in paths for token in generate_tokens(io.StringIO(_text(path)).readline))
    comments = sum(token.type == COMMENT and not TO_A_TOOL.match(token.string) for token in tokens)
    return 100 * comments / lines


def test_a_class_of_a_service_has_a_name_that_no_other_class_there_and_no_central_word_has() -> None:
    central = {name for path in CENTRAL for name in _public_classes(ROOT / path)} | {"Row"}

    named = Counter(
        (path.relative_to(ROOT).parts[1], name)
        for path in SHIPPED
        if path.relative_to(ROOT).parts[0] == "services" and "migrations" not in path.parts
        for name in _public_classes(path)
    )

    assert [place for place, count in named.items() if count > 1 or place[1] in central] == []


def _public_classes(path: Path) -> list[str]:
    return [node.name for node in _nodes(path) if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


def test_no_file_is_named_after_nothing() -> None:
    assert [_name(path) for path in SOURCES if path.stem in FORBIDDEN_NAMES] == []


def test_no_todo_is_left_and_nothing_of_ours_is_patched() -> None:
    pattern = re.compile(r"\b(?:TODO|FIXME|XXX)\b|monkeypatch\.setattr|mock\.patch|unittest\.mock")

    others = [path for path in SOURCES if path != Path(__file__)]

    assert _offences(others, lambda path: pattern.findall(_text(path))) == {}


def test_everything_is_caught_only_at_the_two_edges_or_to_clean_up_and_raise_again() -> None:
    def broad(path: Path) -> list[int]:
        handlers = [node for node in _nodes(path) if isinstance(node, ast.ExceptHandler)]
        raising = [h.lineno for h in handlers if ast.unparse(h.body[-1]) == "raise"]
        catching = [h.lineno for h in handlers if h.type is None or ast.unparse(h.type) in EVERYTHING]
        return [line for line in catching if line not in raising]

    assert _offences([path for path in PRODUCT if _name(path) not in BROAD_CATCHES], broad) == {}


def test_an_outside_package_is_imported_only_where_it_is_wrapped() -> None:
    def strays(path: Path) -> set[str]:
        folder = _name(path.parent)
        return {name for name in _imported(path) & set(ONLY_IN) if folder not in ONLY_IN[name]}

    free = ("libs/devstack", "evals", "benchmarks", "proofs", "samples")

    assert _offences([path for path in PRODUCT if not _name(path.parent).startswith(free)], strays) == {}


def _imported(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: list[str] = []
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return {name.partition(".")[0] for name in names}

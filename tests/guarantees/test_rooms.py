"""The rooms of the house: none is crowded or nameless, and the mechanism knows nothing of the domain.

Who may import whom is held by the contracts in pyproject.toml (`make check`).
"""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("services", "libs", "proofs", "tests", "benchmarks", "evals", "deploy")
MODULES_MAX = 20
# Temporary credentials of AWS come with a session token, and `session_user` is PostgreSQL's.
DOMAIN = re.compile(
    r"patient|therap|consent|transcri|clinic|organi[sz]ation|gateway|recording(?!s?_)|speaker|chat|crisis|embedding"
    r"|sessions?(?![ _](?:token|user)\b)",
    re.IGNORECASE,
)


def _modules() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_folder_holds_more_than_twenty_modules() -> None:
    counted = Counter(path.parent for path in _modules() if path.name != "__init__.py")

    assert {str(folder.relative_to(ROOT)): n for folder, n in counted.items() if n > MODULES_MAX} == {}


def test_every_room_says_what_is_in_it() -> None:
    rooms = [path for path in _modules() if path.name == "__init__.py" and "tests" not in path.parts]

    silent = [path for path in rooms if not ast.get_docstring(ast.parse(path.read_text()))]

    assert [str(path.parent.relative_to(ROOT)) for path in silent] == []


def test_who_may_what_is_decided_in_the_domain_and_in_no_route() -> None:
    sources = [path for path in sorted((ROOT / "services").rglob("*.py")) if "tests" not in path.parts]
    routes = [path for path in sources if path.stem == "api" or "api" in path.parts]

    assert routes
    assert [str(path.relative_to(ROOT)) for path in routes if _compares_scopes(path)] == []


def _compares_scopes(path: Path) -> bool:
    """Tell whether a file has a condition on scopes, as in `Scope.ADMIN in caller.scopes`."""
    conditions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Compare | ast.BinOp)]
    parts = [part for condition in conditions for part in ast.iter_child_nodes(condition)]
    return any(isinstance(part, ast.Attribute) and part.attr == "scopes" for part in parts)


def test_the_mechanism_has_no_word_of_the_domain() -> None:
    paths = [path for path in (ROOT / "libs" / "common").rglob("*") if path.suffix in (".py", ".sql", ".lua")]
    product = [path for path in paths if "tests" not in path.parts]

    said = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in product
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if DOMAIN.search(line)
    ]

    assert product
    assert said == []

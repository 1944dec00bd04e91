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
    r"|(?<!scope=\")sessions?(?![ _](?:token|user)(?![a-z]))",
    re.IGNORECASE,
)
# What the database compares a capability with is in the payload of the mechanism's test events too.
THE_DEPLOYED_NAME_OF_A_TENANT = [
    'libs/common/tests/kernel_world.py: tenant_id: UUID = Field(alias="organization_id")',
]
# Devstack hands each service its settings and speaks the vendors' wire formats, whose words are these.
PEOPLE = re.compile(
    r"(?<!_)patient(?!_token_key)|therap(?!yrag)|clinic|organi[sz]ation|recordings?\b|crisis|(?<!\")session_(?:id|date)",
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


def _lines_with(words: re.Pattern[str], room: str) -> list[str]:
    """Return the lines of a room's code, SQL and tests that hold one of the words."""
    paths = [path for path in sorted((ROOT / "libs" / room).rglob("*")) if path.suffix in (".py", ".sql", ".lua")]
    assert paths
    return [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in paths
        for line in path.read_text().splitlines()
        if words.search(line)
    ]


def test_the_mechanism_and_its_tests_have_no_word_of_the_domain() -> None:
    assert _lines_with(DOMAIN, "common") == THE_DEPLOYED_NAME_OF_A_TENANT


def test_the_machine_that_runs_everything_knows_services_by_name_and_no_person() -> None:
    assert _lines_with(PEOPLE, "devstack") == []

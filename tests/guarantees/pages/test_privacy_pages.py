"""The threat model and the page on HIPAA: nothing on them is named that is not there, and nothing is left out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from deploy.provision import ProvisionSettings
from libs.ops.rest.connection import OpsSettings
from services.gateway.domain import Scope
from services.gateway.routes import BY_OPERATION, ROUTES
from tests.guarantees.deployment.parts import ROOT, SETTINGS, documents, known

THREATS, HIPAA = (ROOT / "docs" / "security" / f"{name}.md" for name in ("threat-model", "hipaa"))
PAGES = pytest.mark.parametrize("page", [THREATS, HIPAA], ids=lambda page: page.name)
STRIDE = set("STRIDE")
PARAGRAPHS = (
    "(a)(1)", "(a)(2)(i)", "(a)(2)(ii)", "(a)(2)(iii)", "(a)(2)(iv)", "(b)",
    "(c)(1)", "(c)(2)", "(d)", "(e)(1)", "(e)(2)(i)", "(e)(2)(ii)",
)  # fmt: skip
KINDS = {
    "(a)(2)(i)": "required", "(a)(2)(ii)": "required", "(b)": "standard, required", "(d)": "standard, required",
    "(a)(1)": "standard", "(c)(1)": "standard", "(e)(1)": "standard",
}  # fmt: skip
FOLDERS = ("services", "libs", "proofs", "tests", "deploy")
_SQL_NAME = re.compile(rf"(?:ctx|ops|{'|'.join(SETTINGS)})\.[a-z_]+")


@cache
def _sources() -> dict[Path, str]:
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sql"))
    return {path: path.read_text() for path in found}


@cache
def _defined() -> set[str]:
    """Every function, class and constant of ours."""
    trees = [ast.parse(text) for path, text in _sources().items() if path.suffix == ".py"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    named = {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return named | stored


@cache
def _modules() -> set[str]:
    """The proofs that are commands; what is run as a service (an Entry) is a part of one."""
    texts = ((path.stem, path.read_text()) for path in (ROOT / "proofs").rglob("*.py"))
    found = (stem for stem, text in texts if 'if __name__ == "__main__"' in text and "Entry(" not in text)
    return {stem.replace("_", "-") for stem in found}


@cache
def _printed_by_tests() -> set[str]:
    texts = (text for path, text in _sources().items() if "tests" in path.parts and path != Path(__file__))
    return set(re.findall(r"PROOF ([a-z][a-z0-9-]+) \w+=", "\n".join(texts)))


def _words(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", text))


def _section(name: str) -> str:
    (found,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", THREATS.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def _rows(text: str) -> list[list[str]]:
    lines = re.findall(r"^\| (?!Threat |---|Who )(.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


@pytest.mark.parametrize("service", SETTINGS)
def test_every_service_is_threatened_in_all_six_ways(service: str) -> None:
    letters = {row[0].partition(": ")[0] for row in _rows(_section(service))}

    assert letters == STRIDE


def test_a_threat_names_its_control_its_proof_and_what_remains() -> None:
    rows = [row for row in _rows(THREATS.read_text()) if re.match(r"[STRIDE]: ", row[0])]

    assert len(rows) > len(SETTINGS) * len(STRIDE)
    assert [row[0] for row in rows if len(row) != 4 or not all(row)] == []


def test_a_threat_without_a_proof_says_what_remains() -> None:
    rows = [row for row in _rows(THREATS.read_text()) if re.match(r"[STRIDE]: ", row[0])]

    assert [row[0] for row in rows if row[2] == "-" and row[3] == "-"] == []


def test_every_proof_is_in_the_threat_model() -> None:
    named = set(re.findall(r"`PROOF ([a-z0-9-]+)`", THREATS.read_text()))

    assert _modules() - named == set()


@PAGES
def test_every_proof_a_page_names_is_printed(page: Path) -> None:
    named = set(re.findall(r"`PROOF ([a-z0-9-]+)`", page.read_text()))

    assert named - _modules() - _printed_by_tests() == set()


@PAGES
def test_every_test_a_page_names_exists(page: Path) -> None:
    named = {word for word in _words(page) if word.startswith("test_")} - {"test_"}

    assert named
    assert named - _defined() == set()


@PAGES
def test_every_file_a_page_names_exists(page: Path) -> None:
    named = {word for word in _words(page) if re.fullmatch(r"[\w./-]+/[\w.-]+\.\w+", word)}

    assert named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


@PAGES
def test_every_setting_and_constant_a_page_names_exists(page: Path) -> None:
    settings = {name for service in SETTINGS for name in known(service)}
    settings |= {name.upper() for model in (OpsSettings, ProvisionSettings) for name in model.model_fields}
    named = {word for word in _words(page) if re.fullmatch(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", word)}

    assert named
    assert named - settings - _defined() == set()


@PAGES
def test_every_route_scope_and_operation_a_page_names_exists(page: Path) -> None:
    words = _words(page)
    routes = {word for word in words if re.match(r"(?:GET|POST|PUT|PATCH|DELETE) /", word)}
    operations = {word for word in words if re.fullmatch(r"[a-z]+[A-Z]\w+", word)}
    scopes = {word for word in words if re.fullmatch(r"[a-z]+:[a-z]+", word)}

    assert routes - {f"{route.method} {route.path}" for route in ROUTES} == set()
    assert operations - set(BY_OPERATION) == set()
    assert scopes - {scope.value for scope in Scope} - {name for route in ROUTES for name in route.capability} == set()


@PAGES
def test_every_function_of_the_database_and_every_alarm_a_page_names_exists(page: Path) -> None:
    sql = "\n".join(_sources().values())
    functions = {word for word in _words(page) if _SQL_NAME.fullmatch(word)}
    alarms = {word for word in _words(page) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)}
    (rules,) = documents("observability/alerts.yml")
    known_alarms = {rule.get("alert") for group in rules["groups"] for rule in group["rules"]}

    assert {name for name in functions if f"function {name}(" not in sql} == set()
    assert alarms - known_alarms == set()


def test_every_technical_safeguard_has_its_heading_once_with_its_kind_and_three_answers() -> None:
    sections = re.findall(
        r"^## 164\.312(\S+) [^:\n]+: ([^\n]+)\n(.*?)(?=^## |\Z)", HIPAA.read_text(), re.MULTILINE | re.DOTALL
    )

    assert tuple(paragraph for paragraph, _, _ in sections) == PARAGRAPHS
    for paragraph, kind, text in sections:
        assert kind == KINDS.get(paragraph, "addressable")
        assert re.findall(r"^- \*\*(\w+)\*\*: \S", text, re.MULTILINE) == ["Here", "Proof", "Yours"]


def test_the_page_on_hipaa_claims_to_be_no_more_than_it_is() -> None:
    assert "This is not a certificate, and it is not legal advice." in HIPAA.read_text()


def test_the_readme_stays_one_screen() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 50

"""The pages for who runs the system: what they name exists, and no page of docs/ is without a check of its own."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from proofs.planted import mutants
from proofs.planted.planting import ByProof, ByTest
from services.ingestion.settings import IngestionSettings
from services.transcriber.settings import TranscriberSettings
from tests.guarantees.deployment.parts import ROOT, SETTINGS, document, known
from tests.guarantees.generate import PAGES as GENERATED

DOCS = ROOT / "docs"
BEFORE_PRODUCTION = (DOCS / "operations" / "before-production.md").read_text()
PLANTED_DEFECTS = (DOCS / "security" / "planted-defects.md").read_text()
RULES = [rule for group in document("observability/alerts.yml")["groups"] for rule in group["rules"]]
# A decision is not held true: it says what was weighed then, and a later one replaces it.
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name not in ("adr", "runbooks")]
OPERATIONS = sorted((DOCS / "operations").rglob("*.md"))
RUNBOOKS = sorted((DOCS / "operations" / "runbooks").glob("*.md"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
SOURCES = [path for room in ("libs", "services") for path in (ROOT / room).rglob("*.py") if "tests" not in path.parts]
SOURCE = "".join(path.read_text() for path in SOURCES)
RUNBOOK_OF = {rule["alert"]: rule["annotations"]["runbook"] for rule in RULES if "alert" in rule}
BUDGETS = {rule["labels"]["slo"]: rule["expr"] for rule in RULES if rule.get("record") == "slo:budget:ratio"}
# What looks like an event of the log, and is a file's name or a function of the database.
NO_LOG_LINES = re.compile(r"\.(?:py|yml)$|^ops\.")
# Words of PostgreSQL that look like settings.
NO_SETTINGS = {"CREATEROLE", "EXPLAIN"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_named_by_a_test_that_compares_it_with_what_there_is(page: Path) -> None:
    assert page.name in GENERATED or {page.name, page.stem} & READ_BY_TESTS


def _strings(path: Path) -> Iterator[str]:
    """The strings that a test works with: what only its docstrings and comments say compares nothing."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value.rpartition("/")[2]


READ_BY_TESTS = {text for path in TESTS for text in _strings(path)}


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_names_the_alerts_that_lead_to_it_and_none_that_does_not_exist(runbook: Path) -> None:
    leading = {alert for alert, page in RUNBOOK_OF.items() if page == str(runbook.relative_to(ROOT))}
    named = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", runbook.read_text()))

    assert leading != set()
    assert leading <= named <= set(RUNBOOK_OF)


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda path: path.stem)
def test_every_metric_and_log_line_a_page_names_is_written_by_the_code(page: Path) -> None:
    text = page.read_text()
    metrics = re.findall(r"`((?:events|sessions|erasures)_\w+)`", text)
    lines = [name for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", text) if not NO_LOG_LINES.search(name)]

    assert [name for name in (*metrics, *lines) if f'"{name}"' not in SOURCE] == []


def test_every_reason_that_the_runbook_of_dead_letters_decides_on_is_one_of_the_code() -> None:
    (runbook,) = [path for path in RUNBOOKS if path.stem == "dead-letters"]
    cells = re.findall(r"^\| (`[^|]+) \|", runbook.read_text(), re.MULTILINE)
    reasons = {reason for cell in cells for reason in re.findall(r"`([a-z0-9-]+)`", cell)}

    assert {"poison-message", "retries-exhausted", "upstream-failed"} <= reasons
    assert [reason for reason in reasons if f'"{reason}"' not in SOURCE] == []


def test_the_runbook_of_budgets_promises_what_the_alerts_count() -> None:
    (runbook,) = [path for path in RUNBOOKS if path.stem == "budget-burns"]
    promised = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d.]+) %", runbook.read_text(), re.MULTILINE))
    counted = {slo: 100 - 100 * float(expr.removeprefix("vector(").rstrip(")")) for slo, expr in BUDGETS.items()}

    assert {slo: float(share) for slo, share in promised.items()} == pytest.approx(counted)


def test_before_production_every_setting_and_alert_that_is_named_exists() -> None:
    settings = set(re.findall(r"`([A-Z][A-Z_]{3,})`", BEFORE_PRODUCTION)) - NO_SETTINGS
    alerts = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", BEFORE_PRODUCTION))

    assert settings - set().union(*(known(service) for service in SETTINGS)) == set()
    assert alerts - set(RUNBOOK_OF) == set()


def test_before_production_the_days_that_are_told_are_the_defaults() -> None:
    recordings = IngestionSettings.model_fields["recording_retention_days"].default
    revoked = TranscriberSettings.model_fields["revocation_grace_days"].default

    assert f"the defaults are {recordings} and {revoked}." in BEFORE_PRODUCTION


def test_the_page_of_planted_defects_has_the_command_its_figures_and_both_kinds_of_witness() -> None:
    source = Path(mutants.__file__ or "").read_text()
    figures = {"planted", "controls", *(fate.value for fate in mutants.Fate)}

    assert f"python -m {mutants.__name__}" in PLANTED_DEFECTS
    assert [figure for figure in figures if f"`{figure}`" not in PLANTED_DEFECTS] == []
    assert all(f"{figure}=" in source for figure in ("planted", "controls"))
    for kind in (ByProof, ByTest):
        assert f"{kind.__name__}({', '.join(field.name for field in fields(kind))})" in PLANTED_DEFECTS

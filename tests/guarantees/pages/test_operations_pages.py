"""The pages for who runs the system: what they name exists, and no page of docs/ is without a check of its own."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from proofs.planted import mutants
from proofs.planted.planting import ByProof, ByTest
from services.ingestion.settings import IngestionSettings
from services.transcriber.settings import TranscriberSettings
from tests.guarantees.deployment.parts import DEPLOY, ROOT, SETTINGS, known
from tests.guarantees.generate import PAGES as GENERATED

DOCS = ROOT / "docs"
BEFORE_PRODUCTION = (DOCS / "operations" / "before-production.md").read_text()
PLANTED_DEFECTS = (DOCS / "security" / "planted-defects.md").read_text()
ALERTS = (DEPLOY / "observability" / "alerts.yml").read_text()
# A decision is not held true: it says what was weighed then, and a later one replaces it.
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name not in ("adr", "runbooks")]
CHECKS = "".join(path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py")))
# Words of PostgreSQL that look like settings.
NO_SETTINGS = {"CREATEROLE", "EXPLAIN"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_named_by_a_test_that_compares_it_with_what_there_is(page: Path) -> None:
    assert page.name in GENERATED or page.name in CHECKS or f'"{page.stem}"' in CHECKS


@pytest.mark.parametrize("runbook", sorted((DOCS / "operations" / "runbooks").glob("*.md")), ids=lambda path: path.stem)
def test_an_alert_leads_to_each_runbook(runbook: Path) -> None:
    assert f"runbook: {runbook.relative_to(ROOT)}" in ALERTS


def test_before_production_every_setting_and_alert_that_is_named_exists() -> None:
    settings = set(re.findall(r"`([A-Z][A-Z_]{3,})`", BEFORE_PRODUCTION)) - NO_SETTINGS
    alerts = set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", BEFORE_PRODUCTION))

    assert settings - set().union(*(known(service) for service in SETTINGS)) == set()
    assert alerts - set(re.findall(r"alert: (\w+)", ALERTS)) == set()


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

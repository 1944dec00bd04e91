"""docs/security/erasure.md says what is true: its stores, routes and days are those of the code."""

import re

import pytest

from libs.contracts.problems import ERASED, LEGAL_HOLD
from services.gateway.routes import ROUTES
from services.ingestion.erasure.domain import OF_PATIENT, OF_SESSION
from tests.guarantees.deployment.parts import ROOT, SETTINGS

PAGE = (ROOT / "docs" / "security" / "erasure.md").read_text()
STORES = dict(re.findall(r"^\| `(\w+)` \| (?:before|seconds)[^|]* \| ([^|]+) \|", PAGE, re.MULTILINE))
SETTINGS_TOLD = re.findall(r"\| `([A-Z_]+)` of (?:the )?(\w+) \| (\d+) \|$", PAGE, re.MULTILINE)
ROUTE = re.compile(r"(GET|PUT|DELETE)`? (?:and `\w+ )?\s*/api/v1(/[\w/{}-]+)")


def test_the_stores_of_the_page_are_those_that_a_receipt_waits_for() -> None:
    without_a_share = {store for store, of_session in STORES.items() if of_session.strip() == "nothing"}

    assert set(STORES) == OF_PATIENT
    assert set(STORES) - without_a_share == OF_SESSION


def test_every_route_of_the_page_is_one_of_the_table() -> None:
    named = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in ROUTE.findall(PAGE)}
    known = {(route.method, re.sub(r"{\w+}", "{}", route.where.split()[1])) for route in ROUTES}

    assert {("DELETE", "/sessions/{}"), ("DELETE", "/patients/{}"), ("GET", "/patients/{}/export")} <= named
    assert named - known == set()


@pytest.mark.parametrize(("setting", "service", "days"), SETTINGS_TOLD, ids=str)
def test_the_days_of_the_page_are_the_defaults(setting: str, service: str, days: str) -> None:
    assert SETTINGS[service].model_fields[setting.lower()].default == int(days)


def test_every_setting_of_retention_is_on_the_page() -> None:
    kept = {
        (name.upper(), service)
        for service, settings in SETTINGS.items()
        for name in settings.model_fields
        if re.search(r"(?:recording|unfinished)_retention_days|grace_days", name)
    }

    assert {(setting, service) for setting, service, _ in SETTINGS_TOLD} == kept


def test_the_refusals_of_the_page_have_their_status() -> None:
    assert f"{ERASED.status} `{ERASED.slug}`" in PAGE
    assert f"{LEGAL_HOLD.status} `{LEGAL_HOLD.slug}`" in PAGE

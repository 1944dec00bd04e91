"""The deployment files provide what the code reads, publish only the gateway and hold no secret."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

from deploy.make_env import OPTIONS, SECRETS, made
from libs.ops.exporter import ExporterSettings
from libs.ops.rest.connection import OpsSettings
from tests.guarantees.deployment.parts import DEPLOY, ROOT, SETTINGS, document, filled_in, known, required, variables

COMPOSE = document("docker-compose.yml")
COMPOSE_TEXT = (DEPLOY / "docker-compose.yml").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
STORES = ("postgres", "redis", "s3")
MADE = {name: made(name) for name, _ in SECRETS}
# What may have a default because nobody is harmed by knowing it.
HARMLESS_DEFAULTS = {"GATEWAY_BIND", "GATEWAY_PORT", "TRANSCRIBER_TARGET", "EMBEDDER_TARGET"}
_SECRET_NAME = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY|AUTH|PEPPER)(_KEY)?$")


def _environment(service: str) -> dict[str, str]:
    """What the container gets: a name without a value is passed on only when somebody has set it."""
    given: dict[str, Any] = COMPOSE["services"][service]["environment"]
    return {name: filled_in(str(value), MADE) for name, value in given.items() if value is not None}


@pytest.mark.parametrize("service", SETTINGS)
def test_compose_tells_a_service_only_what_it_reads(service: str) -> None:
    assert set(COMPOSE["services"][service]["environment"]) - known(service) == set()


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_starts_with_what_compose_tells_it(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known(service):
        monkeypatch.delenv(name, raising=False)
    for name, value in _environment(service).items():
        monkeypatch.setenv(name, value)

    settings = SETTINGS[service]()

    assert settings.env == "production"
    assert required(service) <= set(_environment(service))


def test_only_the_gateway_publishes_a_port() -> None:
    publishing = {name for name, service in COMPOSE["services"].items() if "ports" in service}

    assert publishing == {"gateway"}


def test_the_stores_have_no_way_out_and_nobody_in_but_the_services() -> None:
    assert all(COMPOSE["services"][store]["networks"] == ["inner"] for store in STORES)
    assert COMPOSE["networks"]["inner"] == {"internal": True}


def test_no_secret_has_a_default() -> None:
    defaulted = {name for name, how, _ in variables(COMPOSE_TEXT) if how != "?"}

    assert defaulted - HARMLESS_DEFAULTS == set()


def test_no_secret_is_written_into_the_compose_file() -> None:
    written = {
        name
        for service in COMPOSE["services"].values()
        for name, value in service.get("environment", {}).items()
        if value is not None and _SECRET_NAME.search(name) and not str(value).startswith("${")
    }
    passwords = re.findall(r"://\w*:([^@\s]+)@", COMPOSE_TEXT)

    assert written == set()
    assert [word for word in passwords if not word.startswith("${")] == []


def test_every_secret_that_is_asked_for_is_made_and_every_one_made_is_used() -> None:
    asked = {name for name, how, _ in variables(COMPOSE_TEXT) if how == "?"}

    assert asked == {name for name, _ in SECRETS}
    assert all(name in COMPOSE_TEXT for name, _ in OPTIONS)


def test_two_deployments_share_no_secret() -> None:
    assert {name for name, _ in SECRETS if made(name) == MADE[name]} == set()


def test_the_example_of_the_environment_is_what_the_command_prints() -> None:
    printed = subprocess.run([sys.executable, DEPLOY / "make_env.py", "--example"], capture_output=True, check=True)

    assert printed.stdout.decode() == (DEPLOY / ".env.example").read_text()


def test_the_operators_container_is_told_what_the_tools_read_and_is_not_started_with_the_rest() -> None:
    ops = COMPOSE["services"]["ops"]

    assert set(ops["environment"]) == {name.upper() for name in OpsSettings.model_fields}
    assert ops["profiles"] == ["ops"]


def test_the_exporter_runs_with_the_rest_and_is_told_of_the_streams_only() -> None:
    exporter = COMPOSE["services"]["exporter"]

    assert set(exporter["environment"]) == {"REDIS_URL"} <= {name.upper() for name in ExporterSettings.model_fields}
    assert exporter["entrypoint"] == ["python", "-m", "libs.ops.exporter"]
    assert "profiles" not in exporter


@pytest.mark.parametrize("name", [*SETTINGS, "provision", "ops", "exporter"])
def test_our_containers_have_no_powers_and_a_limit(name: str) -> None:
    service = COMPOSE["services"][name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["user"].startswith("10001")
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_whatever_is_built_has_a_target_in_the_dockerfile(name: str) -> None:
    target = COMPOSE["services"][name].get("build", {}).get("target")
    if target is None:
        return

    assert f" AS {filled_in(target, {})}\n" in DOCKERFILE


def test_no_stage_of_the_dockerfile_becomes_root_again() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_what_the_dockerfile_copies_from_here_exists() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]

    assert [path for paths in copied for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("lock", sorted((DEPLOY / "locks").glob("*.lock")), ids=lambda lock: lock.stem)
def test_an_image_gets_the_versions_that_were_tested_with_their_hashes(lock: Path) -> None:
    pins = set(re.findall(r"^([\w.-]+==[^\s;]+)", lock.read_text(), re.MULTILINE))
    locked = (ROOT / "requirements.lock").read_text() + (ROOT / "requirements-models.lock").read_text()
    tested = set(re.findall(r"^([\w.-]+==[^\s;]+)", locked, re.MULTILINE))

    assert pins <= tested
    assert lock.read_text().count("--hash=sha256:") >= len(pins)
    assert "://" not in lock.read_text()


def test_every_image_has_a_lock_of_its_own() -> None:
    images = set(re.findall(r"deploy/locks/([\w-]+)\.lock", DOCKERFILE))

    assert images == {lock.stem for lock in (DEPLOY / "locks").glob("*.lock")}
    assert images == {*SETTINGS, "ops", "transcriber-local", "sentences"}


def _metric_names() -> set[str]:
    files = [ROOT / "libs" / "common" / "metrics.py", *sorted((ROOT / "services").glob("*/metrics.py"))]
    modules = [importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts)) for file in files]
    named = [value for module in modules for value in vars(module).values()]
    collectors = [value for value in named if isinstance(value, prometheus_client.metrics.MetricWrapperBase)]
    found: set[str] = set()
    for collector in collectors:
        (family,) = collector.describe()
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        found |= {family.name + ending for ending in endings}
    return found


def _metrics_in(expression: str) -> set[str]:
    """Return the metrics of ours in an expression, and what Prometheus itself or a rule of ours makes."""
    ours = re.findall(r"\b(?:events|http|sessions|ledger|erasures|health|vendor|commitment)_\w+", expression)
    return {*ours, *re.findall(r"\bup\b|\bprocess_start_time_seconds\b|\bslo:[\w:]+", expression)}


ALL_RULES = [rule for group in document("observability/alerts.yml")["groups"] for rule in group["rules"]]
RULES = [rule for rule in ALL_RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in ALL_RULES if "record" in rule}
# `up` is Prometheus's own; the other is in every process on Linux.
GIVEN = {"up", "process_start_time_seconds"}
DASHBOARD = json.loads((DEPLOY / "observability" / "dashboard.json").read_text())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_watches_metrics_that_exist_and_leads_to_a_runbook(rule: dict[str, Any]) -> None:
    assert _metrics_in(rule["expr"]) - _metric_names() - RECORDED - GIVEN == set()
    assert _metrics_in(rule["expr"]) != set()
    assert rule["alert"] in (ROOT / rule["annotations"]["runbook"]).read_text()


@pytest.mark.parametrize("rule", [rule for rule in ALL_RULES if "record" in rule], ids=lambda rule: str(rule["expr"]))
def test_a_recorded_series_is_made_of_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert _metrics_in(rule["expr"]) - _metric_names() - RECORDED == set()


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_panel_shows_metrics_that_exist(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert _metrics_in(target["expr"]) - _metric_names() - RECORDED - GIVEN == set()
        assert _metrics_in(target["expr"]) != set()


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in _metrics_in(target["expr"])
    }
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in _metric_names()}

    assert (
        families - {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown} - {"events_delivered_total"} == set()
    )

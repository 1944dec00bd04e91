"""Alerts are proved by promtool, and Prometheus is told to scrape what the deployments run."""

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from libs.common.metrics import HTTP_DURATION
from services.ingestion.metrics import UPLOAD_TO_READY
from tests.guarantees.deployment.parts import DEPLOY, SETTINGS, document

OBSERVABILITY = DEPLOY / "observability"
RULES = [rule for group in document("observability/alerts.yml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
CASES = document("observability/alerts_test.yml")["tests"]
COMPOSE = document("docker-compose.yml")["services"]
JOBS = {job["job_name"]: job for job in document("observability/prometheus.yml")["scrape_configs"]}
BY_KIND = {"all|api", "all|work"}


def _promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    binary = shutil.which("promtool")
    if binary is None and os.environ.get("CI") != "true":
        pytest.skip("no promtool on the PATH: install it (Debian: prometheus) to prove the alerts")
    assert binary is not None, "CI proves the alerts: .ci/run installs promtool"
    return subprocess.run([binary, *arguments], cwd=OBSERVABILITY, capture_output=True, text=True, check=False)


def test_quiet_and_healthy_systems_raise_nothing_and_each_failure_raises_its_alert_in_time() -> None:
    ran = _promtool("test", "rules", "alerts_test.yml")

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_prometheus_understands_the_configuration() -> None:
    ran = _promtool("check", "config", "prometheus.yml")

    assert ran.returncode == 0, ran.stdout + ran.stderr


def _asked(is_raised: bool) -> set[str]:
    """The alerts that some case sees raised, or sees not raised before."""
    expressions = [
        test["expr"] for case in CASES for test in case["promql_expr_test"] if bool(test["exp_samples"]) == is_raised
    ]
    return {name for expression in expressions for name in re.findall(r'alertname="(\w+)"', expression)}


def test_every_alert_has_a_case_that_raises_it() -> None:
    assert set(ALERTS) - _asked(is_raised=True) == set()


def test_some_cases_ask_for_every_alert_at_once_and_see_none() -> None:
    silent = [test for case in CASES for test in case["promql_expr_test"] if "alertname=" not in test["expr"]]

    assert len(silent) >= 4
    assert [test["exp_samples"] for test in silent] == [[]] * len(silent)


def test_every_alert_is_a_page_or_a_ticket() -> None:
    assert {rule["labels"]["severity"] for rule in ALERTS.values()} == {"page", "ticket"}


@pytest.mark.parametrize("name", [*SETTINGS, "exporter"])
def test_prometheus_scrapes_what_compose_runs_on_a_port_that_has_metrics(name: str) -> None:
    (target,) = JOBS[name]["static_configs"]
    inside = COMPOSE[name]["environment"].get("METRICS_PORT", "8000")

    assert target["targets"] == [f"{name}:{inside}"]
    assert "inner" in COMPOSE[name]["networks"]
    assert target["labels"] == {"component": "exporter" if name == "exporter" else "all"}
    # What is published is the other port.
    assert [port for port in COMPOSE[name].get("ports", ()) if not port.endswith(":8000")] == []


def test_prometheus_scrapes_nothing_else() -> None:
    assert set(JOBS) == {*SETTINGS, "exporter"}


def test_on_kubernetes_every_pod_of_ours_is_scraped_under_the_same_names() -> None:
    (job,) = document("observability/kubernetes.yml")["scrape_configs"]
    relabelled: dict[str, Any] = {
        rule["target_label"]: rule["source_labels"] for rule in job["relabel_configs"] if "target_label" in rule
    }
    (keep,) = [rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"]

    kept = [
        name for name in (*SETTINGS, "exporter") for port in ("http", "metrics") if re.fullmatch(keep, f"{name};{port}")
    ]

    assert relabelled["job"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
    assert relabelled["component"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_component"]
    assert sorted(kept) == sorted([*SETTINGS, "exporter"])
    assert not re.fullmatch(keep, "gateway;http")


def test_whatever_is_missing_is_missed_each_service_in_both_of_its_kinds() -> None:
    missed = re.findall(r'absent\(up\{job="(\w+)", component=~"([a-z|]+)"\}\)', ALERTS["ServiceMissing"]["expr"])

    assert set(missed) == {(service, kinds) for service in SETTINGS for kinds in BY_KIND}
    assert ALERTS["ExporterMissing"]["expr"] == 'absent(up{job="exporter"} == 1)'


def test_the_bounds_that_objectives_count_below_are_bounds_of_the_histograms() -> None:
    text = "".join(str(rule["expr"]) for rule in RULES)
    asked = set(re.findall(r'(\w+)_bucket\{[^}]*\ble="([\d.]+)"', text))
    HTTP_DURATION.labels("GET", "-", "200")
    families = text_string_to_metric_families(generate_latest().decode())
    made = {
        (family.name, sample.labels["le"]) for family in families for sample in family.samples if "le" in sample.labels
    }

    assert UPLOAD_TO_READY._name in {name for name, _ in asked}
    assert asked - made == set()

"""The Kubernetes files agree with the promises of the services, open nothing but the gateway, and hold no secret."""

import re
from pathlib import Path
from typing import Any

import pytest

from deploy.provision import ProvisionSettings
from libs.ops.rest.connection import OpsSettings
from tests.guarantees.deployment.parts import (
    DEPLOY,
    SETTINGS,
    document,
    documents,
    known,
    peers_asked,
    required,
    topics_consumed,
)

FILES = sorted(path.relative_to(DEPLOY) for path in (DEPLOY / "k8s").rglob("*.yaml"))
SECRETS = {secret["metadata"]["name"]: secret["stringData"] for secret in documents("k8s/secrets.example.yaml")}
POLICIES = {policy["metadata"]["name"]: policy["spec"] for policy in documents("k8s/network.yaml")}
GIVEN = {
    literal.partition("=")[0]
    for literal in document("k8s/service/kustomization.yaml")["configMapGenerator"][0]["literals"]
}
POD = document("k8s/process/deployment.yaml")["spec"]["template"]["spec"]
JOB = documents("k8s/provision/job.yaml")[0]["spec"]["template"]["spec"]
OPERATOR = documents("k8s/operator/pod.yaml")[0]["spec"]
EXPORTER = document("k8s/exporter/deployment.yaml")["spec"]["template"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_is_yaml_with_a_kind(path: Path) -> None:
    assert all({"apiVersion", "kind"} <= set(found) for found in documents(str(path)))


@pytest.mark.parametrize("service", SETTINGS)
def test_a_pod_is_told_what_its_service_needs_and_nothing_it_does_not_read(service: str) -> None:
    secret = set(SECRETS[f"{service}-secrets"])
    beside = {"ROOT_KEY_FILE"} if service == "ingestion" else set()

    assert (GIVEN | secret) - known(service) == set()
    assert required(service) - (GIVEN | secret | beside) == set()


@pytest.mark.parametrize("service", SETTINGS)
def test_a_pod_reads_the_secret_of_its_own_service_only(service: str) -> None:
    patches = document(f"k8s/services/{service}/kustomization.yaml")["patches"]
    text = "".join(patch["patch"] for patch in patches)

    assert re.findall(r"secretRef/name, value: ([\w-]+)", text) == [f"{service}-secrets"]


def test_the_example_of_the_secrets_holds_none() -> None:
    plain = {"MINIO_SECURE"}

    for values in SECRETS.values():
        assert [name for name, value in values.items() if name not in plain and "<" not in value] == []
    assert [
        url for values in SECRETS.values() for url in values.values() if re.search(r"://\w*:(?!<)[^@]+@", url)
    ] == []


def test_the_provision_job_is_told_exactly_what_it_reads() -> None:
    fields = ProvisionSettings.model_fields
    needed = {name.upper() for name, field in fields.items() if field.is_required()}

    assert set(SECRETS["provision-secrets"]) == needed


def test_an_operators_pod_is_told_what_the_tools_read() -> None:
    (container,) = OPERATOR["containers"]
    plain = {variable["name"] for variable in container["env"]}
    names = {name.upper() for name in OpsSettings.model_fields}

    # An organization's own key is the operator's to bring along, not the cluster's to keep.
    assert plain | set(SECRETS["operator-secrets"]) == names - {"THERAPYRAG_KEY"}
    assert OPERATOR["activeDeadlineSeconds"] == 3600


@pytest.mark.parametrize(
    "pod", [POD, JOB, OPERATOR, EXPORTER["spec"]], ids=["service", "provision", "operator", "exporter"]
)
def test_a_pod_has_no_powers(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]


def test_a_pod_takes_over_only_when_its_service_is_healthy_and_keeps_answering_when_a_store_is_away() -> None:
    (container,) = POD["containers"]

    assert container["startupProbe"]["httpGet"]["path"] == "/health"
    assert "tcpSocket" in container["readinessProbe"]
    assert "tcpSocket" in container["livenessProbe"]


def test_a_worker_is_ready_and_alive_as_its_consumers_say() -> None:
    (patch,) = document("k8s/service/work/kustomization.yaml")["patches"]
    probes = dict(
        re.findall(r"containers/0/(\w+Probe)\n +value: \{httpGet: \{path: ([/a-z]+), port: http\}", patch["patch"])
    )

    assert probes == {"readinessProbe": "/health", "livenessProbe": "/live"}


def test_the_exporter_is_deployed_with_the_services_and_told_of_the_streams_only() -> None:
    (container,) = EXPORTER["spec"]["containers"]

    assert "exporter" in document("k8s/kustomization.yaml")["resources"]
    assert container["envFrom"] == [{"secretRef": {"name": "exporter-secrets"}}]
    assert set(SECRETS["exporter-secrets"]) == {"REDIS_URL"}
    assert container["command"] == ["python", "-m", "libs.ops.exporter"]


def test_monitoring_reaches_the_metrics_of_every_pod_and_the_gateways_on_a_port_that_is_not_public() -> None:
    patch = document("k8s/services/gateway/kustomization.yaml")["patches"][0]["patch"]
    (expression,) = POLICIES["metrics"]["podSelector"]["matchExpressions"]
    (inside,) = POLICIES["metrics-of-gateway"]["ingress"]
    (port,) = {port["port"] for port in inside["ports"]}
    entries = [found for found in documents("k8s/service/api/service.yaml") if found["kind"] == "Service"]

    assert set(expression["values"]) == {*SETTINGS, "exporter"} - {"gateway"}
    assert POLICIES["metrics-of-gateway"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "gateway"}
    assert f'METRICS_PORT, value: "{port}"' in patch
    assert f"name: metrics, containerPort: {port}" in patch
    assert [ports["targetPort"] for entry in entries for ports in entry["spec"]["ports"]] == ["http"]


def test_traffic_that_is_not_listed_is_refused() -> None:
    assert POLICIES["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_the_gateway_is_reached_from_outside() -> None:
    from_outside = {
        name
        for name, policy in POLICIES.items()
        for rule in policy.get("ingress", ())
        for peer in rule["from"]
        if "namespaceSelector" in peer
        and peer["namespaceSelector"]["matchLabels"] != {"therapyrag.dev/role": "monitoring"}
    }
    kinds = [found for path in FILES for found in documents(str(path))]

    assert from_outside == {"to-gateway"}
    assert [found for found in kinds if found["kind"] == "Ingress"] == []
    assert {found["spec"].get("type", "ClusterIP") for found in kinds if found["kind"] == "Service"} == {"ClusterIP"}


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_reaches_the_peers_it_says_it_asks(service: str) -> None:
    for peer in peers_asked(service):
        (rule,) = POLICIES[f"to-{peer}"]["ingress"]
        (callers,) = [
            expression["values"] for source in rule["from"] for expression in source["podSelector"]["matchExpressions"]
        ]

        assert service in callers


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_scaled_by_every_topic_it_says_it_consumes(service: str) -> None:
    file = DEPLOY / "k8s" / "services" / service / "scaling.yaml"
    spec = document(str(file.relative_to(DEPLOY)))["spec"] if file.exists() else {"triggers": []}

    assert {trigger["metadata"]["stream"] for trigger in spec["triggers"]} == {
        f"{{{topic}}}:s" for topic in topics_consumed(service)
    }
    assert all(trigger["metadata"]["consumerGroup"] == service for trigger in spec["triggers"])
    assert spec.get("minReplicaCount", 1) >= 1

"""The ledger over the whole system: receipts, a checkpoint by the notary, an export, and a stranger's check of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner, Result

from libs.devstack.conditions import block_until
from libs.devstack.stack import Stack
from libs.ops.main import app
from libs.ops.rest.connection import Connection

ENTRIES = 100
AGREED = {"document": "I agree."}
SIGNED_WITHIN_S = 60.0


class Integrator:
    """A new organization's key, used over HTTP and from the command line."""

    def __init__(self, stack: Stack) -> None:
        operator = {"Authorization": f"Bearer {stack.operator_token}"}
        made = httpx.post(
            f"{stack.gateway_url}/operator/v1/organizations",
            json={"name": "ledger"},
            headers=operator,
            trust_env=False,
        ).json()
        self._connection = Connection(stack.gateway_url, made["api_key"])
        self.http = httpx.Client(
            base_url=f"{stack.gateway_url}/api/v1",
            headers={"Authorization": f"Bearer {made['api_key']}"},
            trust_env=False,
            timeout=30,
        )
        self.who = {f"{role}_id": self._user(role) for role in ("patient", "therapist")}

    def grants(self, consent_type: str = "recording", **more: str) -> dict[str, Any]:
        """Record a consent."""
        answer = self.http.post("/consents", json={**self.who, "consent_type": consent_type, **(more or AGREED)})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def types(self, *words: str) -> Result:
        """Run `therapyrag consent ...`."""
        return CliRunner().invoke(app, ["consent", *words], obj=self._connection)

    def _user(self, role: str) -> str:
        made = self.http.post("/users", json={"role": role, "email": f"{uuid4().hex}@example.org"})
        return str(made.json()["id"])


@pytest.fixture
def integrator(stack: Stack) -> Iterator[Integrator]:
    made = Integrator(stack)
    yield made
    made.http.close()


def test_a_stranger_checks_what_the_system_recorded_with_the_key_alone(integrator: Integrator, tmp_path: Path) -> None:
    key = integrator.http.get("/transparency/keys").json()["data"][0]["verifier_key"]
    answers = [integrator.grants(document=f"I agree to version {number}.") for number in range(ENTRIES)]
    answers.append(integrator.http.post(f"/consents/{answers[-1]['id']}/revoke", json={"method": "written"}).json())
    kept, export = tmp_path / "kept.jsonl", tmp_path / "ledger.jsonl"
    kept.write_text("".join(json.dumps(answer) + "\n" for answer in answers[-5:]))
    _wait_for_checkpoint(integrator)

    assert integrator.types("export", "--to", str(export)).exit_code == 0
    online = integrator.types("verify", "--kept", str(kept), "--json")
    offline = integrator.types("verify", str(export), "--key", key, "--kept", str(kept), "--json")

    verdict = json.loads(offline.stdout)
    assert (online.exit_code, offline.exit_code, verdict["entries"]) == (0, 0, ENTRIES + 1)
    assert verdict["covered_to"] >= ENTRIES
    export.write_text("".join(export.read_text().splitlines(keepends=True)[:-1]))

    assert integrator.types("verify", str(export), "--key", key, "--kept", str(kept)).exit_code == 1


def test_a_published_text_is_named_by_a_grant_and_read_as_fhir(integrator: Integrator) -> None:
    text = {"consent_type": "recording", "text": "I agree."}
    document = integrator.http.post("/consent-documents", json=text).json()
    consent = integrator.grants(document_id=document["id"], method="written")

    resource = integrator.http.get(f"/consents/{consent['id']}", headers={"Accept": "application/fhir+json"})

    assert resource.headers["content-type"].startswith("application/fhir+json")
    assert resource.json()["policy"][0]["uri"].endswith(document["sha256"])


def _wait_for_checkpoint(integrator: Integrator) -> None:
    block_until(lambda: integrator.http.get("/transparency/checkpoint").is_success, SIGNED_WITHIN_S, every_s=0.5)

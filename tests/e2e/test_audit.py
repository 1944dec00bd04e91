"""Who was given whose words is on record across the services, and an auditor gets it in every shape."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from libs.devstack.stack import Stack
from proofs.kit.organizations import Founder, Organization, stack_on_fakes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


KINDS = {
    "transcript.read",
    "transcript.corrected",
    "transcript.searched",
    "answer.given",
    "conversation.read",
    "user.created",
    "token.created",
}


@pytest.fixture(scope="module")
def system() -> Iterator[Stack]:
    with stack_on_fakes() as stack:
        yield stack


async def _organizations(system: Stack) -> tuple[Organization, Organization]:
    async with httpx.AsyncClient(base_url=system.gateway_url, trust_env=False, timeout=60) as http:
        founder = Founder(http, system.operator_token)
        return await founder.found(), await founder.found()


async def test_reads_and_answers_are_listed_exported_and_given_as_fhir_to_their_own_auditor(system: Stack) -> None:
    organization, other = await _organizations(system)
    session, patient = organization.ids["session_id"][0], organization.patients[0]
    reader = {"Authorization": f"Bearer {organization.credentials['transcripts:read']}"}
    auditor = {"Authorization": f"Bearer {organization.credentials['admin']}"}
    path = "/api/v1/audit-events"
    async with httpx.AsyncClient(base_url=system.gateway_url, trust_env=False, timeout=60) as http:
        conversation = f"/api/v1/conversations/{organization.kept['conversation_id'][0]}/messages"
        await http.get(conversation, headers={"Authorization": f"Bearer {organization.key}"})
        search = f"/api/v1/patients/{patient.id}/transcripts/search"
        searched = (await http.get(search, params={"q": patient.canary}, headers=reader)).json()["data"]
        await http.get(f"/api/v1/sessions/{session}/transcript", headers=reader)
        everything = (await http.get(path, headers=auditor)).json()
        about_one = (await http.get(path, params={"patient_id": patient.id}, headers=auditor)).json()["data"]
        by_ones, cursor = [], None
        for _ in range(len(everything["data"])):
            page = (
                await http.get(path, params={"limit": 1, **({"cursor": cursor} if cursor else {})}, headers=auditor)
            ).json()
            by_ones += page["data"]
            cursor = page["next_cursor"]
        fhir = await http.get(path, headers=auditor | {"Accept": "application/fhir+json"})
        theirs = (await http.get(path, headers={"Authorization": f"Bearer {other.key}"})).json()["data"]
        denied = await http.get(path, headers=reader)
    exported = _exported(system, organization)

    newest = everything["data"][0]

    assert {row["session_id"] for row in searched} == {session}
    assert (newest["kind"], newest["session_id"], newest["patient_id"]) == ("transcript.read", session, patient.id)
    assert newest["api_key_id"] == organization.credentials["transcripts:read"].split("_")[2]
    assert {row["kind"] for row in about_one} == KINDS
    assert {row["patient_id"] for row in about_one} == {patient.id}
    assert by_ones == everything["data"]
    assert cursor is None
    assert [entry["resource"]["id"] for entry in fhir.json()["entry"]] == [row["id"] for row in by_ones]
    assert {row["id"] for row in theirs} & {row["id"] for row in by_ones} == set()
    assert denied.status_code == 403
    assert exported == by_ones
    assert not any(word in json.dumps(exported) for word in organization.canaries)


def _exported(system: Stack, organization: Organization) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-m", "libs.ops.main", "audit", "export"],
        env={"THERAPYRAG_URL": system.gateway_url, "THERAPYRAG_KEY": organization.credentials["admin"], "PATH": ""},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]

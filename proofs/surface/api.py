"""Proof `api`: thousands of requests made from the API's own description find no 5xx, no answer that is not described,
and no route that forgets to ask who is there.

schemathesis makes them, in several processes with one worker each: Python 3.11 loses count of its recursion when
several threads parse at once, which breaks its generators. The gateway is a whole system's, on fake vendors, with a
patient, consents and a session whose ids take the place of random ones in half of the requests.
"""

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from libs.contracts.purposes import Purpose
from libs.devstack.provision import ROOT
from libs.devstack.stack import Stack
from libs.devstack.vendor_stack import running_on_vendors
from libs.ops.rest.client import Gateway, Recording, RefusedError
from libs.ops.rest.connection import Connection
from proofs.kit.line import is_soak, proof, seed

CASES_MIN = 5000
EXAMPLES, EXAMPLES_SOAK = 150, 2000
RUNS = 3
WITHIN_S = 1800
SAMPLE = ROOT / "samples" / "2026-09-08_first.mp3"
ENDS_OF_TIME = ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "9999-12-31", "0001-01-01")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "ignored_auth",
    "unsupported_method",
    "allow_header_conformance",
)
# What schemathesis calls each kind of failure, by the figure it counts for; all others count as undocumented.
SERVER_ERROR, IGNORED_AUTH = "ServerError", "IgnoredAuth"


@dataclass(frozen=True)
class Furnished:
    """A system with something in it."""

    url: str
    key: str
    known: dict[str, str]


async def _furnished(stack: Stack) -> Furnished:
    async with Gateway(Connection(url=stack.gateway_url, key=None, operator_token=stack.operator_token)) as operator:
        made = await operator.bootstrap("api", "api")
    async with Gateway(Connection(url=stack.gateway_url, key=made.api_key, operator_token=None)) as gateway:
        therapist = (await gateway.add_user("therapist", "t@example.org")).id
        patient = (await gateway.add_user("patient", "p@example.org")).id
        consents = [await gateway.grant(patient, therapist, purpose, "I agree.") for purpose in Purpose]
        session = await gateway.upload(Recording(SAMPLE, patient, therapist, "2026-09-08T15:00:00Z"))
        for when in ENDS_OF_TIME:
            with suppress(RefusedError):  # one that is accepted must not keep anything from being read
                await gateway.upload(Recording(SAMPLE, patient, therapist, when))
        async for seen in gateway.settled(session):
            status = seen.status
        assert status == "ready", status
        answer = await gateway.ask(patient, "What did I say about my sleep?")
    known = {
        "patient_id": patient,
        "therapist_id": therapist,
        "session_id": session,
        "user_id": patient,
        "consent_id": consents[0].id,
        "conversation_id": answer.conversation_id or "",
    }
    return Furnished(stack.gateway_url, made.api_key, known)


def _operations(furnished: Furnished) -> list[str]:
    own = {"Authorization": f"Bearer {furnished.key}"}
    document = httpx.get(f"{furnished.url}/openapi.json", headers=own, trust_env=False).raise_for_status().json()
    return [
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
    ]  # fmt: skip


def _command(furnished: Furnished, operations: list[str], examples: int, report: Path) -> list[str]:
    wanted = [word for name in operations for word in ("--include-operation-id", name)]
    return [
        sys.executable, "-m", "schemathesis.cli", "run", f"{furnished.url}/openapi.json", "-u", furnished.url,
        "-H", f"Authorization: Bearer {furnished.key}", "--workers", "1", "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(examples), "--no-shrink", "--continue-on-failure", "--checks", ",".join(CHECKS),
        "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "60",
        "--report", "json", "--report-json-path", str(report), *wanted,
    ]  # fmt: skip


def _attacked(stack: Stack, examples: int, number: int, folder: Path) -> list[dict[str, Any]]:
    """Run schemathesis several times at once, each on its share of the operations; return their reports."""
    furnished = asyncio.run(_furnished(stack))
    operations = _operations(furnished)
    more = {
        "SCHEMATHESIS_HOOKS": "proofs.surface.api_hooks",
        "API_PROOF_KNOWN": json.dumps(furnished.known),
        "API_PROOF_OPERATOR": stack.operator_token,
        "API_PROOF_SEED": str(number),
        "PYTHONPATH": str(ROOT),
    }
    reports = [folder / f"{n}.json" for n in range(RUNS)]
    with ExitStack() as open_until_then:
        running = [
            subprocess.Popen(
                [*_command(furnished, operations[n::RUNS], examples, report), "--seed", str(number + n)],
                env={**os.environ, **more},
                cwd=folder,
                stdout=open_until_then.enter_context((folder / f"{n}.txt").open("wb")),
                stderr=subprocess.STDOUT,
            )
            for n, report in enumerate(reports)
        ]
        for process in running:
            open_until_then.callback(process.wait)
            open_until_then.callback(process.kill)
        for process in running:
            process.wait(WITHIN_S)
    return [json.loads(report.read_text()) for report in reports]


def run(examples: int, number: int, cases_min: int = CASES_MIN) -> int:
    """Send that many generated requests per operation and more; print the line and return the exit code."""
    # A proof prints one line; the vendors' servers would each say that they end.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    folder = Path(os.environ.get("API_PROOF_FOLDER") or tempfile.mkdtemp(prefix="therapyrag-api-"))
    folder.mkdir(exist_ok=True)
    with running_on_vendors(split=False, environment={"REQUESTS_PER_HOUR": "10000000"}) as vendors:
        reports = _attacked(vendors.stack, examples, number, folder)
    kinds = [found["type"] for report in reports for found in report["failures"] for _ in range(found["count"])]
    figures: dict[str, Any] = {
        "cases": sum(report["test_cases"]["generated"] for report in reports),
        "operations": sum(report["operations"]["tested"] for report in reports),
        "of": sum(report["operations"]["total"] for report in reports) // RUNS,
        "server_errors": kinds.count(SERVER_ERROR),
        "ignored_auth": kinds.count(IGNORED_AUTH),
        "undocumented": len(kinds) - kinds.count(SERVER_ERROR) - kinds.count(IGNORED_AUTH),
        "generator_errors": sum(error["count"] for report in reports for error in report["errors"]),
        "reports": folder,
        "seed": number,
    }
    whole = figures["operations"] == figures["of"] and figures["cases"] >= cases_min
    return proof("api", whole and not kinds and not figures["generator_errors"], **figures)


if __name__ == "__main__":
    raise SystemExit(run(EXAMPLES_SOAK if is_soak() else EXAMPLES, seed()))

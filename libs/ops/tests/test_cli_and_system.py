"""The command line against the real system: what the fake gateway promises is what the real one does."""

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from libs.demo.script import FIRST
from libs.devstack.stack import Stack
from libs.ops.main import app
from libs.ops.rest.connection import Connection

Types = Callable[..., Result]


@pytest.fixture
def types(stack: Stack) -> Types:
    """A terminal with the key of a new organization."""
    connection = Connection(stack.gateway_url, operator_token=stack.operator_token)
    made = CliRunner().invoke(app, ["bootstrap", "Harbour Practice", "--json"], obj=connection)
    connection = Connection(stack.gateway_url, json.loads(made.stdout)["api_key"])
    return lambda *words: CliRunner().invoke(app, list(words), obj=connection)


def test_from_a_new_organization_to_an_accepted_upload_by_commands_alone(types: Types) -> None:
    therapist = types("users", "add", "therapist", "--email", "t@example.org").stdout.strip()
    patient = types("users", "add", "patient", "--email", "p@example.org").stdout.strip()
    who = ("--patient", patient, "--therapist", therapist)

    refused = types("upload", str(FIRST.path), *who, "--date", FIRST.day)
    granted = types("consent", "grant", *who, "--all", "--json")
    accepted = types("upload", str(FIRST.path), *who, "--date", FIRST.day, "--json")

    statuses = {row["status"] for row in json.loads(granted.stdout)}
    session_id = json.loads(accepted.stdout)["session_id"]

    assert (refused.exit_code, granted.exit_code, accepted.exit_code) == (3, 0, 0)
    assert "403 consent-required" in refused.stderr
    assert statuses == {"granted"}
    assert session_id in types("sessions", "list", "--patient", patient).stdout


def test_status_users_and_consents_are_read_as_the_real_gateway_writes_them(types: Types) -> None:
    patient = types("users", "add", "patient", "--email", "p@example.org", "--external-id", "7").stdout.strip()

    listed = json.loads(types("users", "list", "--role", "patient", "--json").stdout)
    shown = types("consent", "show", "--patient", patient, "--json")

    assert [(user["id"], user["external_id"]) for user in listed] == [(patient, "7")]
    assert json.loads(shown.stdout) == []
    assert "Harbour Practice" in types("status").stdout


def test_a_second_user_with_the_same_address_is_a_failure_in_words(types: Types) -> None:
    types("users", "add", "patient", "--email", "p@example.org")

    again = types("users", "add", "patient", "--email", "P@example.org")

    assert again.exit_code == 1
    assert "409 email-taken" in again.stderr

"""The small programs of deploy/ do what the deployment files rely on."""

import base64
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest

from deploy.provision import (
    AFTER_MIGRATIONS,
    BEFORE_MIGRATIONS,
    ProvisionSettings,
    provision,
    refuse_unless_isolated,
)
from libs.common.keys.key_wrapping import read_root_key
from libs.contracts.services import SERVICES
from libs.devstack import provision as devstack
from libs.devstack.infra import Infra
from tests.guarantees.deployment.parts import ROOT

SERVICE_UNAVAILABLE = 503


def _run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def _answering(status: int) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_provisioning_again_changes_nothing_and_every_role_can_log_in(infra: Infra) -> None:
    roles = [f"svc_{name}" for name in (*SERVICES, "relay", "ops")]
    settings = ProvisionSettings.model_validate(
        {
            "migration_database_url": infra.admin_url.replace("postgresql://", "postgresql+psycopg://", 1),
            "capability_key": infra.capability_key.hex(),
            "capability_key_id": infra.capability_key_id,
            **{f"{role}_password": infra.database.password(role) for role in roles},
        }
    )

    provision(settings)

    for role in roles:
        url = infra.url_of(role, infra.database.password(role)).replace("+psycopg", "", 1)
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)


def test_a_database_whose_comparisons_may_run_before_policies_is_refused_unless_that_was_accepted(infra: Infra) -> None:
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("alter function texteq(text, text) leakproof")

        with pytest.raises(SystemExit, match="not isolated: 1 comparisons"):
            refuse_unless_isolated(admin, "full")
        refuse_unless_isolated(admin, "reduced")
        admin.rollback()


def test_production_is_provisioned_by_the_files_development_is() -> None:
    assert (devstack.BEFORE_MIGRATIONS, devstack.AFTER_MIGRATIONS) == (BEFORE_MIGRATIONS, AFTER_MIGRATIONS)


def test_provisioning_without_its_settings_names_them_and_stops() -> None:
    ended = _run("deploy.provision")

    assert ended.returncode == 2
    assert "MIGRATION_DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_root_key_from_a_variable_becomes_a_private_file_and_leaves_the_environment(tmp_path: Path) -> None:
    file, key = tmp_path / "root.key", base64.b64encode(secrets.token_bytes(32)).decode()
    ask = "import os; print('ROOT_KEY' in os.environ)"

    ended = _run("deploy.with_root_key", "timeit", "-n", "1", "-r", "1", ask, ROOT_KEY=key, ROOT_KEY_FILE=str(file))

    mode = file.stat().st_mode & 0o777
    read_root_key(file)

    assert ended.stdout.startswith("False")
    assert mode == 0o400


def test_a_container_that_starts_again_writes_its_root_key_again(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    given = {"ROOT_KEY": base64.b64encode(secrets.token_bytes(32)).decode(), "ROOT_KEY_FILE": str(file)}

    codes = [_run("deploy.with_root_key", "this", **given).returncode for _ in range(2)]

    assert codes == [0, 0]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ROOT_KEY_PROVIDER": "aws_kms"}, 0),
        ({"ROOT_KEY_PROVIDER": "transit", "ROOT_KEY_FILE": "/tmp/root.key"}, 0),
        ({"ROOT_KEY_PROVIDER": "file", "ROOT_KEY_FILE": "/tmp/root.key"}, 2),
        ({}, 2),
    ],
)
def test_only_a_root_key_that_is_elsewhere_needs_no_file(given: dict[str, str], code: int) -> None:
    assert _run("deploy.with_root_key", "this", **given).returncode == code


@pytest.mark.parametrize(("status", "code"), [(200, 0), (SERVICE_UNAVAILABLE, 1)])
def test_the_health_check_of_an_image_repeats_what_health_says(status: int, code: int) -> None:
    with _answering(status) as port:
        ended = _run("deploy.health", PORT=str(port))

    assert ended.returncode == code


def test_the_health_check_of_an_image_fails_when_nobody_listens() -> None:
    with _answering(status=200) as port:
        pass

    assert _run("deploy.health", PORT=str(port)).returncode == 1

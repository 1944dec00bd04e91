"""docs/security/keys.md says what is true: its commands parse, its files, settings and tables exist."""

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from libs.devstack.infra import Infra
from services.ingestion.keys.settings import KeySettings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security" / "keys.md").read_text()
COMMANDS = sorted(set(re.findall(r"`python -m services\.ingestion keys ([^`]+)`", PAGE)))
ID = "0192f0c0-0000-7000-8000-000000000001"


def test_the_page_names_every_command() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"status", "rotate", "rotate-root", "destroy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_understood(command: str) -> None:
    given = command.replace("ID", ID).replace(" N ", " 1 ").split()

    run = subprocess.run(
        [sys.executable, "-m", "services.ingestion", "keys", *given],
        env={"PATH": "/usr/bin:/bin"}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    # Understood, and then refused for want of a database: argparse would have said `usage`.
    assert "MIGRATION_DATABASE_URL" in run.stderr
    assert "usage:" not in run.stderr


def test_every_file_the_page_names_exists() -> None:
    files = re.findall(r"`((?:services|libs|proofs)/[\w/]+\.py)`", PAGE)

    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_every_proof_the_page_names_can_be_run() -> None:
    proofs = re.findall(r"python -m proofs\.recordings\.(\w+)", PAGE)

    assert set(proofs) == {"crypto", "shred"}
    assert [name for name in proofs if not (ROOT / "proofs" / "recordings" / f"{name}.py").exists()] == []


def test_every_setting_the_page_names_exists() -> None:
    names = set(re.findall(r"`((?:ROOT|AWS|VAULT|TRANSIT)_[A-Z_]+)`", PAGE))

    assert names
    assert names <= {name.upper() for name in KeySettings.model_fields}


def test_every_table_of_keys_the_page_names_exists(infra: Infra) -> None:
    tables = set(re.findall(r"`(ingestion\.\w+)`", PAGE))
    with psycopg.connect(infra.admin_url) as connection:
        found = connection.execute("select schemaname || '.' || tablename from pg_tables").fetchall()

    assert tables == {"ingestion.organization_key", "ingestion.patient_key", "ingestion.recording"}
    assert tables <= {row[0] for row in found}

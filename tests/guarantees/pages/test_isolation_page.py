"""The page on isolation names commands that exist, and all of them."""

import importlib
import re
from pathlib import Path

from typer.testing import CliRunner

from libs.ops.main import app
from services.gateway.routes import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "security" / "isolation.md").read_text()
PROOFS = ("tenancy", "capability", "arbitrary_sql", "oracle", "pool", "catalogue")


def test_every_proof_it_names_can_be_run_and_none_is_missing() -> None:
    named = re.findall(r"`python -m proofs\.isolation\.(\w+)`", PAGE)

    assert sorted(named) == sorted(PROOFS)
    assert all(callable(importlib.import_module(f"proofs.isolation.{name}").main) for name in named)


def test_every_figure_it_tells_to_look_at_is_printed() -> None:
    rows = re.findall(r"^\|.*`python -m proofs\.isolation\.(\w+)` \|(.*)\|$", PAGE, re.MULTILINE)

    for name, figures in rows:
        source = Path(importlib.import_module(f"proofs.isolation.{name}").__file__ or "").read_text()
        for figure in re.findall(r"`(\w+)`", figures):
            assert f"{figure}=" in source, f"{name} prints no {figure}"

    assert len(rows) == len(PROOFS)


def test_the_command_and_the_address_of_the_audit_exist() -> None:
    shown = CliRunner().invoke(app, ["audit", "export", "--help"])

    assert shown.exit_code == 0
    assert "therapyrag audit export" in PAGE
    assert "/api/v1/audit-events" in {route.path for route in ROUTES}

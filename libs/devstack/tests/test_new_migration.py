"""`make migration` writes a file Alembic can chain."""

import ast
from pathlib import Path

import pytest

from libs.devstack.errors import DevstackError
from libs.devstack.new_migration import new_migration


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "services" / "chat" / "migrations" / "versions").mkdir(parents=True)
    return tmp_path


def test_migrations_are_numbered_and_name_the_one_before(root: Path) -> None:
    first = new_migration("chat", "make_tables", root)
    second = new_migration("chat", "add_language", root)

    assert [first.name, second.name] == ["0001_make_tables.py", "0002_add_language.py"]
    assert "down_revision = None" in first.read_text()
    assert 'revision = "0002"\ndown_revision = "0001"' in second.read_text()
    ast.parse(second.read_text())


@pytest.mark.parametrize(
    ("service", "name"), [("billing", "x"), ("chat", "Add Language"), ("chat", "../x"), ("chat", "")]
)
def test_what_is_no_service_or_no_name_is_refused(root: Path, service: str, name: str) -> None:
    with pytest.raises(DevstackError):
        new_migration(service, name, root)

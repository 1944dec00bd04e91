"""A new empty migration of a service, numbered after its last one."""

import re
from pathlib import Path

from libs.contracts.services import SERVICES
from libs.devstack.errors import DevstackError
from libs.devstack.provision import ROOT

_TEMPLATE = '''"""{sentence}."""

from alembic import op

revision = "{revision}"
down_revision = {previous}


def upgrade() -> None:
    """Change the schema so that the code before and after this change both work."""
    op.execute("select 1")
'''


def new_migration(service: str, name: str, root: Path = ROOT) -> Path:
    """Write the file and return its path; `name` is what it does, in snake_case."""
    if service not in SERVICES:
        raise DevstackError(f"no service {service}: one of {', '.join(SERVICES)}")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
        raise DevstackError("name the migration in snake_case, such as add_language_to_session")
    versions = root / "services" / service / "migrations" / "versions"
    revisions = sorted(path.name.partition("_")[0] for path in versions.glob("[0-9]*.py"))
    previous = revisions[-1] if revisions else None
    revision = f"{int(previous or 0) + 1:04}"
    path = versions / f"{revision}_{name}.py"
    sentence = name.replace("_", " ").capitalize()
    quoted = f'"{previous}"' if previous else None
    path.write_text(_TEMPLATE.format(sentence=sentence, revision=revision, previous=quoted))
    return path

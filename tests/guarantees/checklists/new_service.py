"""What a new service is made of, for the test that follows the list of CONTRIBUTING.md: it notes what became ready."""

FILES = {
    "services/reminder/__init__.py": '''"""The reminder notes which sessions became ready.

Owns: notes.
Consumes: session.ready.
Emits: nothing.
Asks: nobody.
"""
''',
    "services/reminder/domain.py": '''"""What is noted."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Note:
    """A session that became ready."""

    organization_id: UUID
    id: UUID
''',
    "services/reminder/ports.py": '''"""What noting needs from the world."""

from typing import Protocol

from libs.common.database.transaction import Transaction
from services.reminder.domain import Note


class Notes(Protocol):
    """Keeps notes."""

    async def add(self, tx: Transaction, note: Note) -> None:
        """Keep one; a second time changes nothing."""
''',
    "services/reminder/handlers.py": '''"""What is done when a session becomes ready."""

from collections.abc import Sequence

from libs.common.database.transaction import Transaction
from libs.common.events import Event
from libs.common.messaging.steps import Step
from libs.contracts.session import SessionReady
from services.reminder.domain import Note
from services.reminder.ports import Notes


class NoteReady(Step[SessionReady, None]):
    """A session became ready: note it."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def record(self, event: SessionReady, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Note it, and say nothing further."""
        await self._notes.add(tx, Note(event.organization_id, event.session_id))
        return ()
''',
    "services/reminder/store.py": '''"""Notes: all SQL on them."""

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from services.reminder.domain import Note

_ADD = text("insert into note (organization_id, id) values (:organization_id, :id) on conflict do nothing")


class NoteStore:
    """Implements ports.Notes."""

    async def add(self, tx: Transaction, note: Note) -> None:
        """Insert a note."""
        await tx.execute(_ADD, {"organization_id": note.organization_id, "id": note.id})
''',
    "services/reminder/migrations/versions/0001_notes.py": '''"""Notes by organization."""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    event_tables(op, "reminder")
    op.execute("""
        create table reminder.note (
          organization_id uuid not null,
          id uuid not null,
          primary key (organization_id, id)
        )""")
    isolate(op, "reminder.note", patient=False)
''',
    "services/reminder/settings.py": '''"""What the reminder reads from the environment."""

from libs.contracts.settings import ServiceSettings


class ReminderSettings(ServiceSettings):
    """The common settings."""
''',
    "services/reminder/wiring.py": '''"""The reminder's parts, built and joined."""

from libs.common.http.app import AppSpec
from libs.common.messaging.steps import Subscription
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.problems import REFUSALS
from libs.contracts.session import SessionReady
from services.reminder.handlers import NoteReady
from services.reminder.settings import ReminderSettings
from services.reminder.store import NoteStore

EVENT_CONFIG = EventConfig("reminder", CATALOGUE, refusals=REFUSALS)


def build() -> Service:
    """Read the settings and join the parts of one process."""
    runtime = Runtime(ReminderSettings(), EVENT_CONFIG)
    app = AppSpec(title="reminder", version="1", routers=(), checks=runtime.checks)
    return Service(app, runtime.workers(subscriptions()), runtime.close)


def subscriptions() -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return (Subscription(SessionReady, NoteReady(NoteStore())),)
''',
    "services/reminder/__main__.py": '''"""Starts the reminder: `python -m services.reminder api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.reminder.settings import ReminderSettings
from services.reminder.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="reminder",
            settings=ReminderSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )
''',
    "services/reminder/tests/test_domain.py": '''"""A note is what was noted."""

from uuid import UUID

from services.reminder.domain import Note


def test_two_notes_of_one_session_are_one() -> None:
    assert Note(UUID(int=1), UUID(int=2)) == Note(UUID(int=1), UUID(int=2))
''',
    "deploy/k8s/services/reminder/kustomization.yaml": """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: reminder-
resources: [../../service, scaling.yaml]
labels:
  - pairs: {app.kubernetes.io/name: reminder}
    includeSelectors: true
images:
  - {name: service, newName: therapyrag/reminder, newTag: "0.1.0"}
patches:
  - target: {kind: Deployment}
    patch: |-
      - {op: replace, path: /spec/template/spec/containers/0/envFrom/1/secretRef/name, value: reminder-secrets}
""",
    "deploy/k8s/services/reminder/scaling.yaml": """apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: work
spec:
  scaleTargetRef: {name: reminder-work}  # kustomize does not know this reference: the prefix is written out
  minReplicaCount: 1
  maxReplicaCount: 5
  triggers:
    - type: redis-streams
      metadata: {stream: "{session}:s", consumerGroup: reminder, lagCount: "50"}
      authenticationRef: {name: stream}
""",
}
"""Files that are new."""

_COMPOSE = """  reminder:
    <<: *hardened
    image: therapyrag/reminder
    build: {context: .., dockerfile: deploy/Dockerfile, target: reminder}
    environment:
      <<: *common
      DATABASE_URL: postgresql+psycopg://svc_reminder:${SVC_REMINDER_PASSWORD:?}@postgres:5432/therapyrag
    depends_on: *after
    networks: [inner]
    deploy: {resources: {limits: {cpus: "1.0", memory: 512M}}}

"""
_PASSWORD = "      SVC_CHAT_PASSWORD: ${SVC_CHAT_PASSWORD:?}\n"
_ROW = "| [reminder](../services/reminder/__init__.py) | notes | `session.ready` | nothing | nobody |\n"
_EXPORTER = "  # How much is before each group, for Prometheus;"
_IMAGE = """FROM packages AS reminder-packages
COPY deploy/locks/reminder.lock /locks/
RUN ["pip", "install", "--require-hashes", "-r", "/locks/reminder.lock"]
FROM base AS reminder
COPY --from=reminder-packages /opt/venv /opt/venv
COPY services/reminder ./services/reminder
ENTRYPOINT ["python", "-m", "services.reminder"]
CMD ["all"]

"""
_OPS_IMAGE = "# The operators' image:"
_MIGRATIONS = "COPY services/chat/migrations ./services/chat/migrations\n"
_SECRETS = "---\n# A login that may create roles and extensions;"
_SECRET = """---
apiVersion: v1
kind: Secret
metadata: {name: reminder-secrets, namespace: therapyrag}
stringData:
  DATABASE_URL: postgresql+psycopg://svc_reminder:<password>@<host>:5432/therapyrag
  RELAY_DATABASE_URL: postgresql+psycopg://svc_relay:<password>@<host>:5432/therapyrag
  REDIS_URL: rediss://:<password>@<host>:6379/0
"""
_CHAT_FIELD = '    svc_chat_password: SecretStr = Field(description="The password of the login role svc_chat.")\n'
_EXPORTER_JOB = "  - job_name: exporter"
_REMINDER_JOB = """  - job_name: reminder
    static_configs: [{targets: ["reminder:8000"], labels: {component: all}}]
"""
_ABSENT = '          or absent(up{job="chat", component=~"all|api"}) or absent(up{job="chat", component=~"all|work"})\n'
_ROLES = [
    ("'chat'] loop", "'chat','reminder'] loop"),
    ("svc_chat, svc_relay", "svc_chat, svc_reminder, svc_relay"),
    ("owner_chat;", "owner_chat, owner_reminder;"),
]


def _up(instance: str, values: str, *, component: str = "all") -> tuple[str, str]:
    """A process of the chat's that is watched in a test of the alerts, and one of the reminder's beside it."""
    series = '      - {series: \'up{job="%s",component="%s",instance="%s"}\', values: \'%s\'}\n'
    chat = series % ("chat", component, instance, values)
    return chat, chat + series % ("reminder", "all", instance.replace("chat", "reminder"), values)


EDITS: dict[str, list[tuple[str, str]]] = {
    "libs/contracts/services.py": [('"chat")', '"chat", "reminder")')],
    "tests/guarantees/inside/demands.py": [
        ('        "chat": (chat_router', '        "reminder": (),\n        "chat": (chat_router')
    ],
    "libs/ops/events/answers.py": [
        ('    "consent": _ERASURES,', '    "consent": _ERASURES,\n    "reminder": {"session.ready": _BOOKS},')
    ],
    "pyproject.toml": [
        ('"services.chat"]', '"services.chat", "services.reminder"]'),
        ("\nops = [", "\nreminder = []\nops = ["),
    ],
    "Makefile": [("embedder chat ops", "embedder chat reminder ops")],
    "deploy/postgres/roles.sql": _ROLES,
    "deploy/postgres/ctx.sql": [
        ("svc_chat,\n", "svc_chat, svc_reminder,\n"),
        ("owner_chat;", "owner_chat, owner_reminder;"),
        ("svc_embedder, svc_chat;", "svc_embedder, svc_chat, svc_reminder;"),
    ],
    "deploy/postgres/ops.sql": _ROLES[:1],
    "deploy/provision.py": [(_CHAT_FIELD, _CHAT_FIELD + _CHAT_FIELD.replace("chat", "reminder"))],
    "deploy/make_env.py": [
        ('    ("SVC_CHAT_PASSWORD", ""),\n', '    ("SVC_CHAT_PASSWORD", ""),\n    ("SVC_REMINDER_PASSWORD", ""),\n')
    ],
    "deploy/.env.example": [("SVC_CHAT_PASSWORD=\n", "SVC_CHAT_PASSWORD=\nSVC_REMINDER_PASSWORD=\n")],
    "deploy/Dockerfile": [
        (_OPS_IMAGE, _IMAGE + _OPS_IMAGE),
        (_MIGRATIONS, _MIGRATIONS + _MIGRATIONS.replace("chat", "reminder")),
    ],
    "deploy/docker-compose.yml": [
        (_EXPORTER, _COMPOSE + _EXPORTER),
        (_PASSWORD, _PASSWORD + _PASSWORD.replace("CHAT", "REMINDER")),
    ],
    "deploy/k8s/kustomization.yaml": [("  - services/chat\n", "  - services/chat\n  - services/reminder\n")],
    "deploy/k8s/network.yaml": [("embedder, chat, exporter]", "embedder, chat, reminder, exporter]")],
    "deploy/k8s/secrets.example.yaml": [
        (_SECRETS, _SECRET + _SECRETS),
        ("  SVC_CHAT_PASSWORD: <password>\n", "  SVC_CHAT_PASSWORD: <password>\n  SVC_REMINDER_PASSWORD: <password>\n"),
    ],
    "deploy/observability/prometheus.yml": [(_EXPORTER_JOB, _REMINDER_JOB + _EXPORTER_JOB)],
    "deploy/observability/kubernetes.yml": [("embedder|chat|exporter", "embedder|chat|reminder|exporter")],
    "deploy/observability/alerts.yml": [
        ("embedder|chat", "embedder|chat|reminder"),
        (_ABSENT, _ABSENT + _ABSENT.replace("chat", "reminder")),
    ],
    "deploy/observability/alerts_test.yml": [
        *(_up("chat:8000", values) for values in ("1x360", "1x200")),
        *(_up("a", "1x90"), _up("c", "1x90", component="api")),
    ],
    "docs/architecture.md": [
        ("  ingestion ==> session\n", "  ingestion ==> session ==> reminder\n"),
        ("\nEach service says", f"{_ROW}\nEach service says"),
    ],
}
"""Files that are there: what stands in them, and what comes in its place."""

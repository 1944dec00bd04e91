"""One patient's conversations on real PostgreSQL, with the verbs that tests of them speak."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.database.paging import Window
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConsentId, ConversationId, MessageId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from services.chat.audit_store import AnswerAudit
from services.chat.domain.basis import Attribution, Held
from services.chat.domain.composing import compose, fixed
from services.chat.domain.conversation import Answer, AnsweredBy, Citation, Draft, Message, Question
from services.chat.domain.crisis.assessing import Concern, Kind, Level
from services.chat.domain.crisis.caring import CRISIS_TEXT
from services.chat.handlers import RedactOnRevocation
from services.chat.ports import Accepted, Crisis, SearchResult
from services.chat.store import ConversationStore
from services.chat.tests.room import NOW, SLEEP

_CONSENT = text(
    "insert into event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, at, actor,"
    " method, evidence_sha256)"
    " values (:id, :organization_id, :patient_id, :therapist_id, :consent_id, :purpose, :status,"
    " now(), 'test', 'electronic', sha256(''))"
)


class StoreWorld:
    """A patient who writes, and the consent their answers stand on."""

    def __init__(self, tenant: Tenant, consent: Database, database: Database) -> None:
        self.tenant, self.consent, self.database = tenant, consent, database
        self.store = ConversationStore(database, new_id)
        self.patient_id = PatientId(tenant.patient_id)
        self.therapist_id = TherapistId(tenant.therapist_id)
        self.in_force: dict[TherapistId, dict[Purpose, ConsentId]] = {}

    @contextmanager
    def acting_under(self, *scopes: str, patient: PatientId | None = None) -> Iterator[None]:
        """Hold a capability of this tenant, bound to its patient or another."""
        token = self.tenant.capability(*(scopes or ("chat:write",)), patient=patient or self.patient_id)
        with acting_under(token):
            yield

    async def change_consent(
        self, status: str, *purposes: Purpose, therapist_id: TherapistId | None = None
    ) -> dict[Purpose, ConsentId]:
        """Write events into the ledger, as the consent service does; without purposes for both that quotes need."""
        therapist_id = therapist_id or self.therapist_id
        with self.acting_under("consent:write"):
            async with self.consent.transaction() as tx:
                whose = {"organization_id": self.tenant.organization_id, "patient_id": self.patient_id}
                for purpose in purposes or (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS):
                    consent_id = ConsentId(new_id())
                    ids = {"id": new_id(), "therapist_id": therapist_id, "consent_id": consent_id}
                    await tx.execute(_CONSENT, {**whose, **ids, "purpose": purpose.value, "status": status})
                    if status == "granted":
                        self.in_force.setdefault(therapist_id, {})[purpose] = consent_id
        return self.in_force[therapist_id]

    async def writes(self, message: str = "When do I wake up?", to: ConversationId | None = None) -> Accepted:
        """The patient sends a message."""
        with self.acting_under():
            return await self.store.accept(self.patient_id, to, message)

    async def is_in_crisis(self, message: str) -> Accepted:
        """The patient writes something that reads like a crisis."""
        crisis = Crisis(None, message, Concern(Level.EXPLICIT, Kind.SELF_HARM), fixed(CRISIS_TEXT, AnsweredBy.SAFETY))
        with self.acting_under():
            return await self.store.note_crisis(self.patient_id, crisis)

    async def is_answered(
        self, accepted: Accepted, answer: Answer | None = None, therapist_id: TherapistId | None = None
    ) -> MessageId:
        """The chat answers it, by default with a quote of one session, and under what was granted last."""
        therapist_id = therapist_id or self.therapist_id
        consents = self.in_force[therapist_id]
        held = Held(consents[Purpose.AI_ANALYSIS], consents[Purpose.TRANSCRIPTION])
        answer = answer or quoting()
        attribution = Attribution({one.session_id: therapist_id for one in answer.sources}, {therapist_id: held})
        with self.acting_under():
            return await self.store.answered(self.patient_id, accepted, SearchResult(answer, attribution))

    async def reads(self, conversation_id: ConversationId) -> list[Message]:
        """The patient looks at a conversation again."""
        with self.acting_under():
            return list((await self.store.messages(conversation_id, Window())).rows)

    async def redacts(self, purpose: Purpose = Purpose.AI_ANALYSIS) -> None:
        """The chat records that consent was revoked."""
        event = ConsentRevoked(
            organization_id=self.tenant.organization_id,
            patient_id=self.patient_id,
            therapist_id=self.therapist_id,
            consent_id=new_id(),
            consent_type=purpose,
        )
        with self.acting_under():
            async with self.database.transaction() as tx:
                await RedactOnRevocation(self.store).record(event, None, tx)

    async def audit(self, statement: str, **parameters: Any) -> list[Any]:
        """Look into the audit as whoever may read it."""
        with acting_under(self.tenant.capability("audit:read")):
            async with self.database.transaction() as tx:
                return list((await tx.execute(text(statement), parameters)).all())

    async def audited(self, by: int) -> list[AuditEntry]:
        """Read the whole audit as whoever may, so many rows to a page."""
        found: list[AuditEntry] = []
        cursor: str | None = ""
        while cursor is not None:
            with acting_under(self.tenant.capability("audit:read")):
                page = await AnswerAudit(self.database).page(AuditQuery(limit=by, cursor=cursor or None))
            found += page.rows
            cursor = page.next.to_cursor() if page.next else None
        return found

    async def rows(self, statement: str, **parameters: Any) -> list[Any]:
        """Look into the tables as the service would."""
        with self.acting_under():
            async with self.database.transaction() as tx:
                return list((await tx.execute(text(statement), parameters)).all())


def quoting() -> Answer:
    """Return an answer that stands on one quote."""
    question = Question("When do I wake up?", (SLEEP,), NOW)
    return replace(
        compose(question, Draft(AnsweredBy.LOCAL, "extractive", quotes=(Citation(SLEEP, 1),))), input_tokens=3
    )

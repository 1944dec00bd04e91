"""Capabilities for events whose own have expired: an operator asks, consent is asked again, and it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.database.transaction import Database
from libs.common.errors import AppError
from libs.common.ids import Identify
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from services.gateway.access.authentication import OPERATOR_KEY
from services.gateway.access.authority import Authority, Grant
from services.gateway.clients import Peer, RequestContext
from services.gateway.domain import Principal, Role
from services.gateway.handlers import Users
from services.gateway.routes import BY_OPERATION
from services.gateway.store import ActionStore, Noted

# Time for all tries of the event and of what follows from it.
LIFETIME = timedelta(hours=24)
WHAT = "gateway.renew_capability"


@dataclass(frozen=True)
class Subject:
    """What an event is about. Without purposes nothing is processed, and no consent is asked."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId | None
    session_id: SessionId | None
    purposes: Sequence[Purpose]


@dataclass(frozen=True)
class Renewals:
    """Mints capabilities of one subject for operators."""

    database: Database
    authority: Authority
    users: Users
    consent: Peer
    actions: ActionStore
    new_id: Identify

    async def mint(self, subject: Subject) -> tuple[str, datetime]:
        """Return a capability and its end.

        Raises AppError: NOT_FOUND for a patient the organization does not have, CONSENT_REQUIRED.
        """
        operator = Principal(subject.organization_id, OPERATOR_KEY, "operator")
        with self.authority.own(operator):
            await self.users.require((subject.patient_id, Role.PATIENT))
            await self._hold(operator, subject)
            # Before it is minted: a capability that nobody wrote down must not exist.
            await self._note(subject, "done")
        route = BY_OPERATION["renewCapability"]
        lifetime_s = int(LIFETIME.total_seconds())
        grant = Grant(route.capability, lifetime_s, subject.patient_id, subject.session_id)
        return self.authority.minted(operator, grant), self.authority.now() + LIFETIME

    async def _hold(self, operator: Principal, subject: Subject) -> None:
        if not subject.purposes:
            return
        asked = RequestContext(operator, BY_OPERATION["renewCapability"], subject.patient_id)
        hold = {
            "patient_id": str(subject.patient_id),
            "therapist_id": str(subject.therapist_id) if subject.therapist_id else None,
            "purposes": [purpose.value for purpose in subject.purposes],
        }
        try:
            await self.consent.ask(asked, "POST", "/holds", json=hold)
        except AppError as refused:
            if refused.problem is CONSENT_REQUIRED:
                await self._note(subject, "denied")
            raise

    async def _note(self, subject: Subject, state: str) -> None:
        ids = {
            "organization_id": str(subject.organization_id),
            "patient_id": str(subject.patient_id),
            "session_id": str(subject.session_id) if subject.session_id else None,
            "purposes": [purpose.value for purpose in subject.purposes],
        }
        async with self.database.transaction() as tx:
            await self.actions.note(tx, Noted(self.new_id(), state, "operator", WHAT, ids))

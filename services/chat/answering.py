"""Answers an accepted message: by its kind, from the sessions of its time window first."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from libs.common.clock import Clock
from libs.common.errors import AppError
from libs.common.ids import Identify
from libs.common.local_time import local
from libs.common.log import get_logger
from libs.contracts.ids import ConversationId, PatientId, SessionId, TherapistId
from libs.contracts.organization.own_help_lines import NOTHING_SET, CrisisSettings
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.safety import ChatMode
from services.chat.domain.basis import Attribution, Held
from services.chat.domain.composing import NOTHING_WRITTEN, compose, fixed
from services.chat.domain.conversation import Answer, AnsweredBy, Exchange, Finding, Passage, Question, Session, Source
from services.chat.domain.crisis.assessing import Concern
from services.chat.domain.homework import answering
from services.chat.domain.inquiry import (
    Inquiry,
    Lookup,
    Moment,
    asked_part,
    beyond_window,
    fixed_reply,
    lookup_of,
    understand,
)
from services.chat.domain.overview import overview
from services.chat.domain.phrasing import NOTHING_FOUND, lead, whole
from services.chat.ports import (
    Accepted,
    Answerer,
    Commitments,
    ConsentHolds,
    Digests,
    MessageReader,
    MessageRepository,
    Search,
    SearchResult,
    Sessions,
)
from services.chat.telling import Listener, Telling

_NOTHING_CITED = Attribution({}, {})


@dataclass(frozen=True)
class Dependencies:
    """Dependencies of Ask. `quotes` is the fallback if `answerer` fails."""

    messages: MessageRepository
    search: Search
    sessions: Sessions
    holds: ConsentHolds
    answerer: Answerer
    quotes: Answerer
    commitments: Commitments
    digests: Digests
    reader: MessageReader
    clock: Clock
    new_id: Identify


@dataclass(frozen=True)
class ChatMessage:
    """A patient's message and time zone; None as `conversation_id` starts a new conversation.

    Whoever does not say a `mode` gets the one in which no words leave to a vendor.
    """

    patient_id: PatientId
    text: str
    conversation_id: ConversationId | None = None
    zone: tzinfo = UTC
    mode: ChatMode = ChatMode.QUOTES
    crisis: CrisisSettings = NOTHING_SET


@dataclass(frozen=True)
class AcceptedMessage:
    """A stored message that passed the crisis check, the consent check and the quota, and may be answered.

    With a `listener` the answer is told while it is written, if the model writes sentence by sentence.
    """

    message: ChatMessage
    accepted: Accepted
    concern: Concern | None = None
    listener: Listener | None = None


class Answering:
    """Answers accepted messages; consents are required for every therapist whose words are used."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def answer(self, pending: AcceptedMessage) -> SearchResult:
        """Return the answer with the consents of its sources."""
        message = pending.message
        # Neither needs the other: one waits for ingestion while the other computes.
        sessions, reading = await asyncio.gather(
            self._sessions(message), self._dependencies.reader.read(asked_part(message.text))
        )
        pending = _without_held_back(pending, sessions)
        moment = Moment(self._dependencies.clock(), message.zone)
        inquiry = understand(message.text, sessions, moment, pending.accepted.history, reading=reading)
        reply = fixed_reply(inquiry, has_sessions=bool(sessions))
        if reply is not None:
            return _fixed_result(reply, inquiry)
        found = await self._answer_in_window_first(pending, inquiry, sessions)
        return replace(found, answer=replace(found.answer, kind=inquiry.kind, understood_as=inquiry.understood_as))

    async def _sessions(self, message: ChatMessage) -> list[Session]:
        """Return the sessions that may be told of, oldest first: nothing is asked about any other."""
        ready = await self._dependencies.sessions.ready(message.patient_id)
        return sorted((session.local(message.zone) for session in ready), key=lambda session: session.date)

    async def _answer_in_window_first(
        self, pending: AcceptedMessage, inquiry: Inquiry, sessions: Sequence[Session]
    ) -> SearchResult:
        """Answer from the time window in the message; if nothing is found, from all sessions, and say so."""
        first = await self._search_and_answer(pending, inquiry, sessions)
        elsewhere = beyond_window(inquiry, grounded=first.answer.grounded)
        if elsewhere is None:
            return first
        second = await self._search_and_answer(pending, elsewhere, sessions)
        return second if second.answer.grounded else first

    async def _search_and_answer(
        self, pending: AcceptedMessage, inquiry: Inquiry, sessions: Sequence[Session]
    ) -> SearchResult:
        patient_id = pending.message.patient_id
        found = await self._looked_up(pending.message, inquiry, sessions)
        chosen = found is not None
        found = found or await self._found(patient_id, inquiry, sessions)
        therapists = {session.id: session.therapist_id for session in sessions}
        consents = await self._consents(patient_id, found.passages, therapists)
        dates = {session.id: session.date for session in sessions}
        allowed = (passage for passage in found.passages if therapists.get(passage.session_id) in consents)
        question = Question(
            text=pending.message.text,
            # Dates are in the patient's time zone, not in UTC.
            passages=tuple(replace(passage, session_date=dates[passage.session_id]) for passage in allowed),
            now=local(self._dependencies.clock(), pending.message.zone),
            history=await self._history(pending),
            subject=found.understood_as or inquiry.subject,
            overview=inquiry.overview,
            kinds=inquiry.reading.kinds,
            session_dates=tuple(session.date for session in sessions),
            near=inquiry.leans_on.sources if inquiry.leans_on else (),
            unknown_words=found.unknown_words,
            windowed=inquiry.window_sessions is not None,
            chosen=chosen,
            kind=inquiry.kind,
            sides=inquiry.sides,
        )
        attribution = Attribution(therapists, consents)
        before = lead(inquiry.kind, inquiry.window, text_only=found.text_only)
        telling = self._telling(pending, question.passages, attribution, before)
        answer = await self._answer(question, pending.message.mode, telling)
        answer = replace(answer, text_only=found.text_only, time_window=inquiry.window)
        return SearchResult(replace(answer, text=whole(answer, inquiry.kind)), attribution)

    async def _looked_up(self, message: ChatMessage, inquiry: Inquiry, sessions: Sequence[Session]) -> Finding | None:
        """Look up what was made of the sessions when they were indexed, if that answers the question."""
        match lookup_of(inquiry):
            case Lookup.DIGESTS:
                return await self._summed_up(inquiry, sessions)
            case Lookup.COMMITMENTS:
                return await self._taken_on(message, inquiry, sessions)
            case Lookup.SEARCH:
                return None

    async def _taken_on(self, message: ChatMessage, inquiry: Inquiry, sessions: Sequence[Session]) -> Finding | None:
        """Look up what was taken on; None if that answers nothing."""
        only = inquiry.window_sessions
        taken = await self._dependencies.commitments.commitments(message.patient_id, [one.id for one in sessions])
        passages = answering(message.text, taken, only, sessions[-1].id)
        return Finding(passages, understood_as=inquiry.subject) if passages else None

    async def _summed_up(self, inquiry: Inquiry, sessions: Sequence[Session]) -> Finding | None:
        """Sum up the sessions of the time window from their digests; None if they have none."""
        only = inquiry.window_sessions
        wanted = [session.id for session in sessions if only is None or session.id in only]
        passages = overview(await self._dependencies.digests.digests(wanted)) if wanted else ()
        return Finding(passages, understood_as=inquiry.subject) if passages else None

    async def _found(self, patient_id: PatientId, inquiry: Inquiry, sessions: Sequence[Session]) -> Finding:
        """Search the window, or each side of a comparison; a question that leans on an answer also what that quoted."""
        if inquiry.sides:
            earlier = await self._dependencies.search.find(patient_id, inquiry.subject, inquiry.sides.earlier)
            later = await self._dependencies.search.find(patient_id, inquiry.subject, inquiry.sides.later)
            return replace(later, passages=(*earlier.passages, *later.passages))
        only = inquiry.window_sessions
        among = [session.id for session in sessions] if only is None else only
        found = await self._dependencies.search.find(patient_id, inquiry.subject, among)
        if inquiry.leans_on is None or only is not None or not inquiry.leans_on.session_ids:
            return found
        near = await self._dependencies.search.find(patient_id, inquiry.subject, inquiry.leans_on.session_ids)
        more = tuple(passage for passage in near.passages if passage not in found.passages)
        return replace(found, passages=(*found.passages, *more))

    async def _consents(
        self, patient_id: PatientId, passages: Sequence[Passage], therapists: dict[SessionId, TherapistId]
    ) -> dict[TherapistId, Held]:
        """Require consent for each therapist whose sessions were found, before any of their text is sent to a model."""
        holds: dict[TherapistId, Held] = {}
        found = {therapists[passage.session_id] for passage in passages if passage.session_id in therapists}
        for therapist_id in sorted(found):
            try:
                holds[therapist_id] = await self._dependencies.holds.hold(patient_id, therapist_id)
            except AppError as error:
                # What was said with a therapist without consent is left out; the others' sessions still answer.
                if error.problem is not CONSENT_REQUIRED:
                    raise
        return holds

    async def _history(self, pending: AcceptedMessage) -> tuple[Exchange, ...]:
        """Return the history. Raises AppError(CONSENT_REQUIRED) if the consent to it was revoked meanwhile."""
        for therapist_id in sorted(pending.accepted.basis.therapists):
            await self._dependencies.holds.hold(pending.message.patient_id, therapist_id)
        return pending.accepted.history

    def _telling(
        self, pending: AcceptedMessage, passages: Sequence[Passage], attribution: Attribution, before: str
    ) -> Telling | None:
        """Return how the answer is told while it is written, None if nobody listens."""
        listener, patient_id = pending.listener, pending.message.patient_id
        if listener is None:
            return None

        async def permit(sources: Sequence[Source]) -> None:
            """Require every consent once more: a revocation stops an answer between two sentences."""
            of_sources = {attribution.therapists[source.session_id] for source in sources}
            for therapist_id in sorted(of_sources | pending.accepted.basis.therapists):
                await self._dependencies.holds.hold(patient_id, therapist_id)
            if not listener.text:
                await self._dependencies.messages.note_telling(patient_id, pending.accepted)

        return Telling(listener, before, passages, permit)

    async def _answer(self, question: Question, mode: ChatMode, telling: Telling | None) -> Answer:
        if not question.passages:
            return fixed(NOTHING_FOUND, AnsweredBy.LOCAL)
        if mode is not ChatMode.RECALL:
            # A choice and no failure: the answer is the local one, and excuses itself for nothing.
            draft = await self._dependencies.quotes.answer(question)
            return compose(question, replace(draft, answered_by=AnsweredBy.LOCAL))
        try:
            # A vendor that fails costs the wording of the answer and not the answer.
            draft = await self._dependencies.answerer.answer(question, telling.hear if telling else None)
        except AppError as error:
            if telling and telling.is_final:
                raise
            get_logger().warning("answer.quotes_fallback", problem=error.problem.slug, **error.facts)
            draft = await self._dependencies.quotes.answer(question)
        return compose(question, draft, telling.written if telling else NOTHING_WRITTEN)


def _without_held_back(pending: AcceptedMessage, sessions: Sequence[Session]) -> AcceptedMessage:
    """Return the message without the exchanges whose answer quotes a session that may not be told of any more."""
    open_to_all = {session.id for session in sessions}
    history = tuple(one for one in pending.accepted.history if open_to_all.issuperset(one.session_ids))
    return replace(pending, accepted=replace(pending.accepted, history=history))


def _fixed_result(text: str, inquiry: Inquiry) -> SearchResult:
    return SearchResult(replace(fixed(text, AnsweredBy.LOCAL), kind=inquiry.kind), _NOTHING_CITED)

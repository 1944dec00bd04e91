"""The story the demo tells, act by act; each act notes what really happened, and only that makes the demo succeed."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field

from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.demo.script import FIRST, QUESTIONS, RECORDINGS, Question, Sample
from libs.demo.track import Track
from libs.demo.view import View
from libs.ops.rest.client import Gateway, Recording, RefusedError
from libs.ops.rest.wire import Answer, Consent

READY_WITHIN_S = 600.0
CONSENT_TEXT = "I agree that my sessions are processed for {purpose}. I can take this back at any time."


@dataclass(frozen=True)
class Claim:
    """Something the demo promises, and whether it happened."""

    sentence: str
    held: bool


@dataclass
class Outcome:
    """What came of the story."""

    claims: list[Claim] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)

    def claim(self, sentence: str, held: bool) -> None:
        """Note whether something that was promised happened."""
        self.claims.append(Claim(sentence, held))

    @property
    def succeeded(self) -> bool:
        """Whether everything happened; a story without claims has proved nothing."""
        return bool(self.claims) and all(claim.held for claim in self.claims)


@dataclass(frozen=True)
class Cast:
    """Who plays."""

    therapist_id: str
    patient_id: str


class Story:
    """All acts, as the organization whose key the gateway was opened with."""

    def __init__(self, gateway: Gateway, view: View) -> None:
        self._gateway = gateway
        self._view = view
        # Nobody yet: the first act makes them.
        self._cast = Cast("", "")
        self.outcome = Outcome()

    async def play(self) -> Outcome:
        """Play the acts in order."""
        self._view.act("A therapist and a patient")
        await self._introduce()
        self._view.act("Without consent nothing is accepted")
        await self._refused_upload("before consent an upload is refused")
        self._view.act("The patient consents")
        consents = await self._grant_all()
        self._view.act("Three recorded sessions go in")
        await self._upload_all()
        self._view.act("Questions, answered from what was said")
        for question in QUESTIONS:
            await self._ask(question)
        self._view.act("The patient takes consent back")
        await self._revoke_all(consents)
        await self._refused_question("after revocation a question is refused")
        await self._refused_upload("after revocation an upload is refused")
        return self.outcome

    async def _introduce(self) -> None:
        therapist = await self._gateway.add_user("therapist", "therapist@example.org")
        patient = await self._gateway.add_user("patient", "patient@example.org")
        self._view.line(f"therapist {therapist.id}")
        self._view.line(f"patient   {patient.id}")
        self._cast = Cast(therapist.id, patient.id)

    async def _refused_upload(self, sentence: str) -> None:
        await self._refused(self._gateway.upload(self._recording(FIRST)), sentence)

    async def _refused_question(self, sentence: str) -> None:
        await self._refused(self._gateway.ask(self._cast.patient_id, QUESTIONS[0].text), sentence)

    async def _refused(self, attempt: Awaitable[object], sentence: str) -> None:
        try:
            await attempt
        except RefusedError as refused:
            problem = refused.problem
            self._view.refused(problem)
            self.outcome.claim(sentence, (problem.status, problem.slug) == (403, CONSENT_REQUIRED.slug))
        else:
            self._view.line("It was accepted. It should not have been.")
            self.outcome.claim(sentence, False)

    async def _grant_all(self) -> list[Consent]:
        granted = []
        for purpose in Purpose:
            text = CONSENT_TEXT.format(purpose=purpose)
            granted.append(await self._gateway.grant(self._cast.patient_id, self._cast.therapist_id, purpose, text))
            self._view.line(f"✔ {purpose}")
        return granted

    async def _revoke_all(self, consents: list[Consent]) -> None:
        for consent in consents:
            revoked = await self._gateway.revoke(consent.id)
            self._view.line(f"✔ {revoked.consent_type} {revoked.status}")

    async def _upload_all(self) -> None:
        tracks = self.outcome.tracks = [Track(sample) for sample in RECORDINGS]
        with self._view.board(tracks):
            # Side by side, as a practice uploads after a day: the board shows who waits for whom.
            await asyncio.gather(*(self._follow(track) for track in tracks))
        for track in tracks:
            self.outcome.claim(f"{track.sample.file} became searchable", track.stage == "ready")
            self.outcome.claim(f"{track.sample.file} has both speakers", track.both_speak)
            self._view.result(track)

    async def _follow(self, track: Track) -> None:
        """Upload one recording and watch it until nothing more will happen by itself."""

        def sent(size_bytes: int) -> None:
            track.sent_bytes += size_bytes

        self._enter(track, "uploading")
        session_id = await self._gateway.upload(self._recording(track.sample), sent)
        # A recording that is late breaks a claim at the end, and not the rest of the story.
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_WITHIN_S):
                async for track.session in self._gateway.settled(session_id):
                    self._enter(track, track.session.status)
        if track.stage == "ready":
            track.transcript = await self._gateway.transcript(session_id)

    def _enter(self, track: Track, stage: str) -> None:
        if track.enter(stage):
            self._view.changed(track)

    async def _ask(self, question: Question) -> None:
        started_at = time.monotonic()
        answer = await self._gateway.ask(self._cast.patient_id, question.text)
        took_s = time.monotonic() - started_at
        self.outcome.answered_s.append(took_s)
        self._view.answer(question.text, answer, took_s)
        # That nothing is invented is shown by a question which no recording answers.
        if question.answered_by is None:
            self.outcome.claim("what nobody said is not answered", not answer.grounded and not answer.sources)
        else:
            held = stands_on(answer, question, self.outcome.tracks)
            self.outcome.claim(f"an answer stands on the session of {question.answered_by.day}", held)

    def _recording(self, sample: Sample) -> Recording:
        return Recording(sample.path, self._cast.patient_id, self._cast.therapist_id, sample.session_date)


def stands_on(answer: Answer, question: Question, tracks: list[Track]) -> bool:
    """Whether the first source is the right session, and the answer or a quote holds what was asked for."""
    wanted = {track.session.id for track in tracks if track.session and track.sample == question.answered_by}
    if not answer.grounded or not answer.sources or answer.sources[0].session_id not in wanted:
        return False
    # A model words its answer as it likes, so the words may stand in it or in what it quotes.
    shown = " ".join([answer.response, *(source.quote for source in answer.sources)]).lower()
    return any(word in shown for word in question.any_of)

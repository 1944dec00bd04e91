"""The words of sessions: read, corrected and searched in the transcriber."""

from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import Header, Query
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from libs.contracts.ids import PatientId
from libs.contracts.transcript import CorrectionRequest, TranscriptQuery, TranscriptSearch
from services.gateway.api.proxying import as_json, params_of
from services.gateway.api.route_registry import Caller, RouteRegistry, asked
from services.gateway.api.sessions import ETAG_CHARS_MAX
from services.gateway.clients import Peer
from services.gateway.domain import Principal, Role, may_read_words
from services.gateway.handlers import Users

_WORDS = ("full_text", "segments")
ACCEPT_CHARS_MAX = 500
IfMatch = Annotated[
    str | None, Header(max_length=ETAG_CHARS_MAX, description='The version that is changed, as in its ETag: `"1"`.')
]


class Form(BaseModel):
    """The headers that choose the form of an answer, or say that the caller holds it."""

    accept: str = Field("*/*", max_length=ACCEPT_CHARS_MAX)
    if_none_match: str | None = Field(None, max_length=ETAG_CHARS_MAX)

    def headers(self) -> dict[str, str]:
        """Return them as they are passed on."""
        return {"Accept": self.accept} | ({"If-None-Match": self.if_none_match} if self.if_none_match else {})


def add_transcripts(registry: RouteRegistry, transcriber: Peer, users: Users) -> None:
    """Add the routes."""
    _add_search(registry, transcriber, users)

    async def read(
        caller: Caller, session_id: UUID, wanted: Annotated[TranscriptQuery, Query()], form: Annotated[Form, Header()]
    ) -> Response:
        """Read a version, as JSON or (by Accept) text/vtt, application/x-subrip or text/plain; 406 for other types.

        All versions are kept: corrections add one. 304 while `If-None-Match` names the ETag of the version in that
        form. With `words=true` each segment has `words`: `word`, `start_time`, `end_time`, `confidence`, `speaker`.
        """
        query, path = asked(caller, "getTranscript"), f"/sessions/{session_id}/transcript"
        return as_json(await transcriber.ask(query, "GET", path, params=params_of(wanted), headers=form.headers()))

    async def correct(
        caller: Caller, session_id: UUID, request: CorrectionRequest, if_match: IfMatch = None
    ) -> Response:
        """Change segments by their ids: the text, the speaker, or `deleted: true`. What is left out stays as it is.

        With `voices` a voice is named, and with it all its segments: `{"voice": 2, "speaker": "patient"}`.

        Makes a new version, which is indexed again. What is not changed keeps its confidence and the times of its
        words. The version that was read goes into `If-Match`: 428 without it, 412 if there is a newer one.
        """
        # As it was sent: what was left out stays left out.
        changes = request.model_dump(mode="json", exclude_defaults=True)
        parts: dict[str, Any] = {"json": changes, "headers": _if_match(if_match)}
        query = asked(caller, "correctTranscript")
        return words_for(caller, await transcriber.ask(query, "PATCH", f"/sessions/{session_id}/transcript", **parts))

    async def swap(caller: Caller, session_id: UUID, if_match: IfMatch = None) -> Response:
        """Exchange therapist and patient. Makes a new version, which is indexed again."""
        path = f"/sessions/{session_id}/transcript/swap-speakers"
        query = asked(caller, "swapSpeakers")
        return words_for(caller, await transcriber.ask(query, "POST", path, headers=_if_match(if_match)))

    registry.open("getTranscript", read)
    registry.open("correctTranscript", correct)
    registry.open("swapSpeakers", swap)


def _add_search(registry: RouteRegistry, transcriber: Peer, users: Users) -> None:
    async def search(caller: Caller, patient_id: UUID, wanted: Annotated[TranscriptSearch, Query()]) -> Response:
        """Find segments in the newest transcripts of a patient, newest session first.

        `highlights` are the words that were asked for, each with its `offset` in the text and, where they are known,
        its times. What a patient's consent hides is not found. The audit has each transcript that is shown from.
        """
        await users.require((patient_id, Role.PATIENT))
        query, path = (
            asked(caller, "searchTranscripts", PatientId(patient_id)),
            f"/patients/{patient_id}/transcripts/search",
        )
        return as_json(await transcriber.ask(query, "POST", path, json=params_of(wanted)))

    registry.open("searchTranscripts", search)


def words_for(caller: Principal, answer: httpx.Response) -> Response:
    """Return a transcript's new version; a key that may write words and not read them is not given them."""
    whole = as_json(answer)
    if may_read_words(caller):
        return whole
    without = {name: value for name, value in answer.json().items() if name not in _WORDS}
    # The ETag tells a version and no words, and the next correction needs it.
    headers = {name: value for name, value in whole.headers.items() if name in ("etag", "location")}
    return JSONResponse(without, answer.status_code, headers)


def _if_match(value: str | None) -> dict[str, str]:
    return {"If-Match": value} if value is not None else {}

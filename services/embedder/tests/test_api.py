"""The search route: what goes in, what comes out, what is refused."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.http.app import AppSpec, build_app
from libs.common.ids import new_id
from libs.contracts.ids import ChunkId, SessionId, TranscriptId
from services.embedder.api import build_router
from services.embedder.domain import Hit, Span
from services.embedder.handlers import Search
from services.embedder.tests.world import SESSION_DATE, FakeIndexRepository, FakeTurnEncoder, LetterEmbedder, dialogue


class SearchApi:
    """The embedder's HTTP side over an index with one hit."""

    def __init__(self) -> None:
        self.index_repository = FakeIndexRepository(hits=[_hit(0.61)])
        app = build_app(
            AppSpec(
                "embedder", "1", (build_router(Search(self.index_repository, LetterEmbedder(), FakeTurnEncoder())),)
            )
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://embedder")

    async def search(self, **body: object) -> httpx.Response:
        """Ask about a patient."""
        asked = {"patient_id": str(new_id()), "query": "What helps me talk?", **body}
        return await self.client.post("/search", json=asked, headers={"Authorization": "Bearer any"})


@pytest.fixture
async def api() -> AsyncIterator[SearchApi]:
    one = SearchApi()
    yield one
    await one.client.aclose()


async def test_a_result_cites_the_turns_and_seconds_of_the_passage_in_its_chunk(api: SearchApi) -> None:
    answer = (await api.search()).json()

    result = answer["results"][0]

    assert answer["mode"] == "hybrid"
    assert (result["start_time"], result["end_time"], result["speaker"]) == (14.0, 26.0, "mixed")
    assert [turn["start_time"] for turn in result["turns"]] == [14.0, 21.0]
    assert result["content"].startswith("Therapist: What made it easier?\nPatient: ")
    assert result["session_date"] == "2026-10-05T09:30:00.000Z"
    assert result["relevance"] == 0.61


async def test_the_window_and_the_sessions_reach_the_search(api: SearchApi) -> None:
    session = new_id()

    await api.search(date_from="2026-10-01T00:00:00Z", date_to="2026-11-01T00:00:00+01:00", session_ids=[str(session)])

    question = api.index_repository.asked[0][0]

    assert question.session_ids == (session,)
    assert question.date_from is not None
    assert question.date_from < SESSION_DATE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", 51),
        ("limit", 0),
        ("query", ""),
        ("query", "   "),
        ("query", "x" * 4001),
        ("date_from", "2026-10-01T00:00:00"),
        ("patient_id", "x' OR '1'='1"),
        ("filter", {}),
    ],
)
async def test_what_is_out_of_range_is_pointed_at_and_never_repeated(api: SearchApi, field: str, value: object) -> None:
    response = await api.search(**{field: value})

    assert response.status_code == 422
    assert response.headers["content-type"].startswith("application/problem+json")
    assert f"/{field}" in response.json()["errors"][0]["pointer"]
    assert api.index_repository.asked == []


def _hit(relevance: float) -> Hit:
    return Hit(
        chunk_id=ChunkId(new_id()),
        passage_id=new_id(),
        session_id=SessionId(new_id()),
        session_date=SESSION_DATE,
        transcript_id=TranscriptId(new_id()),
        passage=Span(dialogue()[2:4], 24),
        relevance=relevance,
        score=1.7,
    )

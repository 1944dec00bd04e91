"""Whose word counts for commitments when a session is indexed: the vendor's that is named, verified, or ours."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import REGISTRY

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.contracts.purposes import Purpose
from services.embedder.commitments.domain import mentions_of
from services.embedder.domain import ClaimedAct, Index, Turn, Withheld
from services.embedder.handlers import Dependencies, IndexTranscript
from services.embedder.ports import Vector
from services.embedder.tests.world import (
    FakeConsents,
    FakeDerived,
    FakeIndexRepository,
    FakeTranscripts,
    FakeTurnEncoder,
    LetterEmbedder,
    dialogue,
    no_acts,
    ready,
    source,
    transcript_of,
    words,
)
from services.embedder.turn_acts import Act

TRUE = ClaimedAct(4, "therapist", Act.ASSIGN, "write down one worry before you go to bed")
FALSE = replace(TRUE, quote="write down ten worries")


@dataclass
class FakeFinder:
    """A model that says what it is told to, or fails."""

    claims: Sequence[ClaimedAct] = (TRUE,)
    fails_with: AppError | None = None
    read: list[Sequence[Turn]] = field(default_factory=list)

    async def find(self, turns: Sequence[Turn]) -> Sequence[ClaimedAct]:
        """Return the claims."""
        self.read.append(turns)
        if self.fails_with:
            raise self.fails_with
        return self.claims


class RevokingEncoder(FakeTurnEncoder):
    """Sees consent end while it works."""

    def __init__(self, consents: FakeConsents) -> None:
        super().__init__()
        self._consents = consents

    async def encode(self, texts: Sequence[str]) -> list[Vector]:
        """Work, and let consent end."""
        self._consents.revoked.add(Purpose.AI_ANALYSIS)
        return await super().encode(texts)


def dropped() -> float:
    return REGISTRY.get_sample_value("commitment_acts_found_total", {"outcome": "not_said"}) or 0.0


async def index(finder: FakeFinder | None, *, revoked_meanwhile: bool = False) -> Index | Withheld:
    whose, consents = source(), FakeConsents()
    encoder = RevokingEncoder(consents) if revoked_meanwhile else FakeTurnEncoder()
    transcripts = FakeTranscripts(transcript_of(whose, dialogue()))
    dependencies = Dependencies(
        consents, transcripts, LetterEmbedder(), encoder, no_acts(), FakeIndexRepository(), (FakeDerived(),), words,
        finder,
    )  # fmt: skip
    return await IndexTranscript(dependencies).work(ready(whose))


async def test_what_the_vendor_found_and_the_turns_bear_out_is_what_was_taken_on() -> None:
    found = await index(FakeFinder((FALSE, replace(TRUE, turn=0), TRUE)))

    mentions = mentions_of(found) if isinstance(found, Index) else []

    assert [(one.turn, one.act, one.probability(Act.ASSIGN)) for one in mentions] == [(dialogue()[4], Act.ASSIGN, 1.0)]


async def test_what_was_dropped_is_counted_by_its_reason() -> None:
    before = dropped()

    await index(FakeFinder((FALSE, FALSE)))

    assert dropped() == before + 2


async def test_without_a_vendor_that_is_named_no_session_is_read_by_one() -> None:
    found = await index(None)

    assert isinstance(found, Index)
    assert found.found_acts is None


async def test_a_vendor_that_is_down_is_waited_for_and_not_replaced_unsaid() -> None:
    with pytest.raises(AppError) as caught:
        await index(FakeFinder(fails_with=AppError(UPSTREAM_FAILED, "down")))

    assert caught.value.problem.retryable


async def test_consent_is_held_again_before_the_words_leave() -> None:
    finder = FakeFinder()

    result = await index(finder, revoked_meanwhile=True)

    assert (result, finder.read) == (Withheld("consent-revoked"), [])

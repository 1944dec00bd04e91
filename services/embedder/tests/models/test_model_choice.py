"""Which model embeds and searches, when an organization's index is not of the configured one."""

from collections.abc import Sequence

import pytest

from libs.common.errors import UPSTREAM_FAILED, AppError
from libs.contracts.ids import PatientId
from services.embedder.domain import Index, ModelsInUse, Question
from services.embedder.handlers import Dependencies, IndexTranscript, Search
from services.embedder.model_choice import LOCAL
from services.embedder.tests.world import (
    MODEL,
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


class World:
    """A session on its way into the index of an organization that has a model."""

    def __init__(self, active: str | None, building: str | None = None) -> None:
        self.index_repository = FakeIndexRepository(models=ModelsInUse(active, building))
        self.embedder, self.encoder = LetterEmbedder(), FakeTurnEncoder()

    async def index(self) -> tuple[Index, set[str]]:
        """Do the slow half; return the index and the models whose vectors were bought."""
        whose = source()
        dependencies = Dependencies(
            FakeConsents(),
            FakeTranscripts(transcript_of(whose, dialogue())),
            self.embedder,
            self.encoder,
            no_acts(),
            self.index_repository,
            (FakeDerived(),),
            words,
        )
        result = await IndexTranscript(dependencies).work(ready(whose))
        assert isinstance(result, Index)
        return result, set(self.index_repository.bought)

    async def search(self) -> tuple[bool, Sequence[str]]:
        """Search; return whether by vectors, and the models that were compared with."""
        search = Search(self.index_repository, self.embedder, self.encoder)
        found = await search.find(Question(PatientId(source().patient_id), "What helps me talk?", 5))
        return found.by_vectors, self.index_repository.compared_with


@pytest.mark.parametrize(
    ("active", "building", "bought"),
    [
        (None, None, {MODEL.name}),
        (MODEL.name, None, {MODEL.name}),
        (LOCAL.name, None, {LOCAL.name}),
        (LOCAL.name, MODEL.name, {LOCAL.name, MODEL.name}),
        ("gone", None, {MODEL.name}),
        ("gone", LOCAL.name, {LOCAL.name}),
    ],
)
async def test_vectors_are_bought_of_the_model_in_use_and_of_one_that_is_built(
    active: str | None, building: str | None, bought: set[str]
) -> None:
    index, found = await World(active, building).index()

    assert found == bought
    assert index.model.name in bought


async def test_words_go_to_the_configured_vendor_only_for_organizations_that_use_it() -> None:
    world = World(LOCAL.name)

    await world.index()
    await world.search()

    assert world.embedder.bought == []


@pytest.mark.parametrize(
    ("active", "by_vectors", "compared_with"),
    [
        (MODEL.name, True, [MODEL.name]),
        (LOCAL.name, True, [LOCAL.name]),
        ("gone", False, [MODEL.name]),
    ],
)
async def test_a_search_uses_the_model_of_the_index_and_says_text_where_it_cannot_be_had(
    active: str, by_vectors: bool, compared_with: list[str]
) -> None:
    assert await World(active).search() == (by_vectors, compared_with)


async def test_an_index_of_the_local_model_is_searched_by_vectors_while_the_vendor_is_down() -> None:
    world = World(LOCAL.name)
    world.embedder.fails_with = AppError(UPSTREAM_FAILED, "down")

    by_vectors, _ = await world.search()

    assert by_vectors

"""Which embedder a setting chooses, and what is refused before anything starts."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr, ValidationError

from libs.sentences.minilm import Runtime, SentenceEncoder
from services.embedder.settings import EmbedderSettings, Provider
from services.embedder.wiring import embedder_of, finder_of


def _settings(cache: Path, provider: Provider, key: str | None) -> EmbedderSettings:
    return EmbedderSettings(
        env="test",
        database_url=SecretStr("postgresql+psycopg://svc_embedder@localhost/x"),
        redis_url=SecretStr("redis://localhost"),
        embedding_provider=provider,
        openai_api_key=SecretStr(key) if key is not None else None,
        model_cache_dir=cache,
    )


@pytest.mark.parametrize(
    ("provider", "key", "model"),
    [
        ("auto", "sk-one", "text-embedding-3-small"),
        ("auto", None, "all-MiniLM-L6-v2-int8"),
        ("auto", "", "all-MiniLM-L6-v2-int8"),
        ("local", "sk-one", "all-MiniLM-L6-v2-int8"),
        ("openai", "sk-one", "text-embedding-3-small"),
    ],
)
async def test_the_vendor_is_chosen_when_its_key_is_set(
    tmp_path: Path, provider: Provider, key: str | None, model: str
) -> None:
    embedder = embedder_of(_settings(tmp_path, provider, key), SentenceEncoder(Runtime(None, tmp_path)))
    await embedder.close()

    assert embedder.model.name == model


@pytest.mark.parametrize(("provider", "is_asked"), [("local", False), ("anthropic", True)])
async def test_a_vendor_reads_whole_sessions_only_if_it_is_named(
    tmp_path: Path, provider: Literal["local", "anthropic"], is_asked: bool
) -> None:
    known = {"anthropic_api_key": SecretStr("sk-ant"), "commitments_provider": provider}
    finder = finder_of(_settings(tmp_path, "local", None).model_copy(update=known))
    if finder:
        await finder.close()

    assert (finder is not None) is is_asked


def test_the_vendor_without_a_key_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="needs OPENAI_API_KEY"):
        _settings(tmp_path, "openai", None)
    with pytest.raises(ValidationError, match="needs ANTHROPIC_API_KEY"):
        EmbedderSettings.model_validate(
            _settings(tmp_path, "local", None).model_dump() | {"commitments_provider": "anthropic"}
        )

"""Who listens is decided once, from the environment."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.transcriber.settings import TranscriberSettings
from services.transcriber.vendors.deepgram import DeepgramSpeechToText
from services.transcriber.vendors.local_whisper import LocalSpeechToText
from services.transcriber.wiring import speech_to_text_of

NEEDED = {
    "env": "test",
    "database_url": "postgresql+psycopg://",
    "redis_url": "redis://",
    "minio_endpoint": "127.0.0.1:9000",
    "minio_access_key": "key",
    "minio_secret_key": "other",
}


def _settings(**changes: Any) -> TranscriberSettings:
    return TranscriberSettings(**(NEEDED | {"deepgram_api_key": None} | changes))


@pytest.mark.parametrize(
    ("asked", "key", "decided"),
    [
        ("auto", None, "local"),
        ("auto", "k", "deepgram"),
        ("local", "k", "local"),
        ("deepgram", "k", "deepgram"),
    ],
)
def test_the_vendor_listens_when_its_key_is_set_unless_local_is_asked_for(
    asked: str, key: str | None, decided: str
) -> None:
    assert _settings(transcriber_provider=asked, deepgram_api_key=key).provider == decided


def test_asking_for_the_vendor_without_its_key_refuses_to_start() -> None:
    with pytest.raises(ValidationError, match="needs DEEPGRAM_API_KEY"):
        _settings(transcriber_provider="deepgram")


async def test_the_one_who_was_decided_on_is_built() -> None:
    vendor = speech_to_text_of(_settings(deepgram_api_key="k"))
    local = speech_to_text_of(_settings())

    await vendor.close()
    await local.close()

    assert isinstance(vendor, DeepgramSpeechToText)
    assert isinstance(local, LocalSpeechToText)


def test_the_cache_is_in_the_home_of_whoever_runs_it() -> None:
    assert _settings().model_cache_dir == Path.home() / ".cache" / "therapyrag"


def test_the_vendors_key_is_not_shown() -> None:
    assert "very-secret" not in repr(_settings(deepgram_api_key="very-secret"))

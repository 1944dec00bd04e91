"""Joins the crisis check, the reader of messages, the vendor or quotes in its place, and the three services asked."""

import asyncio
from typing import Protocol

from libs.common.clock import utc_now
from libs.common.http.app import AppSpec
from libs.common.http.client import ServiceClient
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.common.messaging.steps import Subscription
from libs.common.process.run import Service
from libs.common.process.runtime import EventConfig, Runtime
from libs.contracts.catalogue import CATALOGUE
from libs.contracts.consent import ConsentRevoked
from libs.contracts.erasure import AnswersErased
from libs.contracts.problems import BY_SLUG, REFUSALS
from libs.contracts.safety import help_lines
from libs.sentences.minilm import Runtime as ModelRuntime
from libs.sentences.minilm import SentenceEncoder
from libs.tenancy.erase_own_rows import erasing
from services.chat.answering import Dependencies
from services.chat.api import build_router
from services.chat.audit_store import AnswerAudit
from services.chat.clients import ConsentClient, EmbedderClient, IngestionClient
from services.chat.crisis_care import CrisisCheck
from services.chat.crisis_head import CrisisHead
from services.chat.domain.conversation import AnsweredBy
from services.chat.handlers import Ask, RedactOnRevocation
from services.chat.heads import MessageHeads
from services.chat.ports import Answerer, Redaction
from services.chat.settings import DEFAULT_CLAUDE, ChatSettings
from services.chat.store import ConversationStore
from services.chat.vendors.local_extractive import MODEL as LOCAL_MODEL
from services.chat.vendors.local_extractive import ExtractiveAnswerer

EVENT_CONFIG = EventConfig("chat", CATALOGUE, ("safety", "answers"), REFUSALS)


class Vendor(Answerer, Protocol):
    """An answerer with a connection and a self-test."""

    async def self_test(self) -> str | None:
        """Return the reason why the model cannot be used, None if it can."""
        ...

    async def close(self) -> None:
        """Release all resources."""
        ...


def build() -> Service:
    """Read the settings and build the service."""
    settings = ChatSettings()
    runtime = Runtime(settings, EVENT_CONFIG)
    store = ConversationStore(runtime.database, new_id)
    peers = [
        ServiceClient(url, settings.request_deadline_s, BY_SLUG)
        for url in (settings.consent_url, settings.ingestion_url, settings.embedder_url)
    ]
    vendor = vendor_of(settings)
    encoder = SentenceEncoder(ModelRuntime(settings.models_dir, settings.model_cache_dir))
    embedder = EmbedderClient(peers[2])
    dependencies = Dependencies(
        messages=store,
        holds=ConsentClient(peers[0]),
        sessions=IngestionClient(peers[1]),
        search=embedder,
        commitments=embedder,
        digests=embedder,
        # Without a vendor this machine answers; with one, quotes stand in while the vendor fails.
        answerer=vendor or ExtractiveAnswerer(),
        quotes=ExtractiveAnswerer(AnsweredBy.QUOTES_ONLY if vendor else AnsweredBy.LOCAL),
        reader=MessageHeads(encoder),
        clock=utc_now,
        new_id=new_id,
    )
    ask = Ask(dependencies, CrisisCheck(CrisisHead(encoder), help_lines(settings.crisis_country)))
    details = {"provider": settings.provider, "model": model_of(settings)}
    # Beside the start and not before it: a chat whose vendor is away still answers with quotes.
    self_test = asyncio.create_task(_self_test(vendor, details)) if vendor else None
    app = AppSpec("chat", "1", (build_router(ask, store, AnswerAudit(runtime.database)),), runtime.checks, details)

    async def close() -> None:
        if self_test:
            self_test.cancel()
        for part in (*peers, *((vendor,) if vendor else ())):
            await part.close()
        await runtime.close()

    return Service(app, runtime.workers(subscriptions(store)), close)


def subscriptions(redaction: Redaction) -> tuple[Subscription, ...]:
    """Return what is answered: the table of this service."""
    return (Subscription(ConsentRevoked, RedactOnRevocation(redaction)), *erasing(AnswersErased))


def model_of(settings: ChatSettings) -> str:
    """Return the name of the configured model."""
    if settings.provider == "local":
        return LOCAL_MODEL
    return settings.chat_model or DEFAULT_CLAUDE


def vendor_of(settings: ChatSettings) -> Vendor | None:
    """Return the configured vendor, None for local answers; imports its library only if it is used."""
    if settings.provider == "anthropic" and settings.anthropic_api_key:
        from services.chat.vendors.claude import ANSWER_TOKENS_MAX, ClaudeAnswerer, ClaudeSettings

        key = settings.anthropic_api_key.get_secret_value()
        return ClaudeAnswerer(
            ClaudeSettings(
                key,
                model_of(settings),
                settings.chat_deadline_s,
                settings.anthropic_base_url,
                tokens_max=settings.chat_tokens_max,
                answer_tokens_max=settings.chat_answer_tokens_max or ANSWER_TOKENS_MAX,
            )
        )
    if settings.provider == "openai_compatible" and settings.openai_api_key:
        from services.chat.vendors.openai_compatible import (
            ANSWER_TOKENS_MAX,
            EndpointSettings,
            OpenAICompatibleAnswerer,
        )

        key = settings.openai_api_key.get_secret_value()
        return OpenAICompatibleAnswerer(
            EndpointSettings(
                key,
                model_of(settings),
                settings.chat_deadline_s,
                settings.openai_base_url,
                tokens_max=settings.chat_tokens_max,
                answer_tokens_max=settings.chat_answer_tokens_max or ANSWER_TOKENS_MAX,
            )
        )
    return None


async def _self_test(vendor: Vendor, details: dict[str, str]) -> None:
    """Log an error if the model cannot be used; the service then answers with quotes only."""
    trouble = await vendor.self_test()
    details["model_status"] = trouble or "served"
    if trouble:
        get_logger().error("model.self_test_failed", model=details["model"], reason=trouble)

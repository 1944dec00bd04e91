"""Consents, consent texts and the ledger's transparency on one router, and what answers them."""

from dataclasses import dataclass

from fastapi import APIRouter

from services.consent.api.consents import add_consents
from services.consent.api.transparency import add_documents, add_transparency
from services.consent.handlers import Consents
from services.consent.transparency import ConsentTexts, Transparency


@dataclass(frozen=True)
class ConsentServices:
    """The application services that the routes call."""

    consents: Consents
    texts: ConsentTexts
    transparency: Transparency


def build_router(services: ConsentServices) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    add_consents(router, services.consents)
    add_documents(router, services.texts)
    add_transparency(router, services.transparency)
    return router

"""All routes of this service."""

from dataclasses import dataclass

from fastapi import APIRouter

from services.consent.api.consents import add_consents
from services.consent.api.transparency import add_documents, add_transparency
from services.consent.handlers import Consents
from services.consent.transparency import ConsentTexts, Transparency


@dataclass(frozen=True)
class Desk:
    """What the routes call."""

    consents: Consents
    texts: ConsentTexts
    transparency: Transparency


def build_router(desk: Desk) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    add_consents(router, desk.consents)
    add_documents(router, desk.texts)
    add_transparency(router, desk.transparency)
    return router

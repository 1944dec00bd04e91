"""Content negotiation: responses as this API's JSON or as FHIR R4."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.consent.api.fhir import MEDIA_TYPE, bundle_of, resource_of
from services.consent.api.rendering import consent_json
from services.consent.domain import Consent


def one(request: Request, consent: Consent) -> Response:
    """Return one record."""
    if wants_fhir(request):
        return JSONResponse(resource_of(consent), media_type=MEDIA_TYPE)
    return JSONResponse(consent_json(consent))


def many(request: Request, plain: dict[str, Any], consents: Sequence[Consent]) -> Response:
    """Return a page of records; as FHIR it is a searchset bundle."""
    if wants_fhir(request):
        return JSONResponse(bundle_of(consents, plain.get("next_cursor")), media_type=MEDIA_TYPE)
    return JSONResponse(plain)


def wants_fhir(request: Request) -> bool:
    """Return True if the Accept header lists FHIR JSON."""
    # Without weights: whoever names FHIR at all has asked for it.
    accepted = request.headers.get("accept", "").split(",")
    return any(each.partition(";")[0].strip().lower() == MEDIA_TYPE for each in accepted)

"""Validates the form fields of an upload before the file is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from libs.common.client_time import DayOrInstant
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.http.problems import field_errors
from libs.common.local_time import start_of
from libs.contracts.formats import LANGUAGE_TAG
from libs.contracts.ids import PatientId, TherapistId
from libs.contracts.metadata import Metadata

METADATA_KEYS_MAX = 64
FIRST_DAY = date(1900, 1, 1)
AHEAD_MAX = timedelta(days=1)
"""Allows for senders in a time zone where the next day has begun."""


@dataclass(frozen=True)
class Upload:
    """The metadata of a recording. `session_day` is set if a day was given; `session_date` is then its start."""

    patient_id: PatientId
    therapist_id: TherapistId
    session_date: datetime
    language: str
    metadata: Mapping[str, Any]
    session_day: date | None = None


def _json(raw: object) -> object:
    try:
        return json.loads(raw) if isinstance(raw, str) else raw
    # Brackets cost a byte each, and a few thousand of them end Python's parser.
    except RecursionError as error:
        raise ValueError("too deep") from error


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID
    therapist_id: UUID
    session_date: DayOrInstant
    language: str = Field("en", pattern=LANGUAGE_TAG)
    metadata: Annotated[Metadata, BeforeValidator(_json), Field(max_length=METADATA_KEYS_MAX)] = Field(
        default_factory=dict
    )


def read_form(fields: Mapping[str, str], now: datetime, zone: tzinfo = UTC) -> Upload:
    """Return the upload. Raises AppError(INVALID_REQUEST) with one error per invalid field.

    A bare date is a day in `zone`.
    """
    try:
        form = _Form.model_validate(dict(fields))
    except ValidationError as error:
        faults = [FieldError(f"/body{fault.pointer}", fault.detail) for fault in field_errors(error.errors())]
        raise AppError(INVALID_REQUEST, "The form has fields that are not valid.", errors=faults) from error
    given = form.session_date
    day = None if isinstance(given, datetime) else given
    at = given if isinstance(given, datetime) else start_of(given, zone)
    _require_past(at, day or at.date(), now)
    return Upload(
        PatientId(form.patient_id),
        TherapistId(form.therapist_id),
        at,
        # Tags are compared as text from here on, and BCP 47 does not tell cases apart.
        form.language.lower(),
        form.metadata,
        day,
    )


def _require_past(at: datetime, day: date, now: datetime) -> None:
    if day >= FIRST_DAY and at <= now + AHEAD_MAX:
        return
    fault = FieldError("/body/session_date", "Must be in 1900 or later, and at most one day in the future.")
    raise AppError(INVALID_REQUEST, "The form has fields that are not valid.", errors=[fault])

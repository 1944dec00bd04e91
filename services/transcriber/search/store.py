"""The statements of the search. Row-level security limits it to what consent and capability allow."""

from collections.abc import Set
from pathlib import Path
from typing import Any

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from libs.common.database.paging import Position
from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from libs.tenancy.narrowing import narrow
from services.transcriber.domain import About
from services.transcriber.search.domain import Hit, Search
from services.transcriber.stored_words import segment_of

_SEARCH = text(Path(__file__).with_name("search.sql").read_text()).columns(segment=JSONB(), words=JSONB())
# Those of a question that are left out of it ("-work") occur in nothing that it finds.
_ASKED_FOR = text("""
select word from unnest(:words) as word
 where to_tsvector('english', word) @@ (
  select string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''', ' | ')::tsquery
    from unnest(tsvector_to_array(to_tsvector('english', :text))) as lexeme)""").bindparams(
    bindparam("words", type_=ARRAY(TEXT()))
)


class SearchStore:
    """Implements handlers.Segments."""

    async def find(self, tx: Transaction, search: Search, after: tuple[Position, int] | None) -> list[Hit]:
        """Return one segment more than asked for, if there is one: it only tells that there is a next page."""
        await narrow(tx, search.patient_id)
        position, number = after or (None, None)
        asked = {
            "patient_id": search.patient_id,
            "text": search.text,
            "after_date": position.at if position else None,
            "after_session": position.id if position else None,
            "after_number": number,
            "most": search.limit + 1,
        }
        return [_hit(row) for row in await tx.execute(_SEARCH, asked)]

    async def asked_for(self, tx: Transaction, text: str, words: Set[str]) -> set[str]:
        """Return those of the words that a question asks for, in whichever form of theirs."""
        return set((await tx.execute(_ASKED_FOR, {"text": text, "words": sorted(words)})).scalars())


def _hit(row: Row[Any]) -> Hit:
    about = About(
        OrganizationId(row.organization_id),
        PatientId(row.patient_id),
        TherapistId(row.therapist_id),
        SessionId(row.session_id),
        row.session_date,
    )
    return Hit(TranscriptId(row.id), about, row.version, segment_of(row.segment, row.number, row.words or ()))

"""An organization's own country and help lines, and how the gateway tells them to the chat with each message."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from libs.common.visible_text import VISIBLE_LINE

HEADER = "Crisis-Lines"
"""Tells the chat whom this organization's patients are to call."""
OWN_LINES_MAX = 8
LINE_CHARS_MAX = 80
# What the limits above come to where each character takes four bytes; servers commonly take 16 kB of all headers.
_HEADER_CHARS_MAX = 8_192
# ISO 3166-1. Two letters alone would let UK pass for GB, and nobody would notice that no number is told.
_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
)


def _known(code: str) -> str:
    if code not in _COUNTRIES.split():
        raise PydanticCustomError("country", "A country is named by its two letters in ISO 3166-1, as in GB.")
    return code


CountryCode = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(_known)]
_Words = Annotated[str, Field(min_length=1, max_length=LINE_CHARS_MAX, pattern=r"\S"), VISIBLE_LINE]


class OwnLine(BaseModel):
    """A help line of an organization's own: who answers there, and the number, address or way to reach them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: _Words
    contact: _Words

    @property
    def spoken(self) -> str:
        """Return the line as it is said in a sentence."""
        return f"{self.name} ({self.contact})"


OwnLines = Annotated[tuple[OwnLine, ...], Field(max_length=OWN_LINES_MAX)]


class CrisisSettings(BaseModel):
    """Whom an organization's patients are to call: its own lines first, then those of its country.

    Without a country it has the service's `CRISIS_COUNTRY`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    country: CountryCode | None = None
    lines: OwnLines = ()

    def headers(self) -> dict[str, str]:
        """Return the header that tells it; in base64, since a header holds ASCII alone and names do not."""
        return {HEADER: base64.b64encode(self.model_dump_json().encode()).decode()}

    @classmethod
    def of_caller(cls, headers: Mapping[str, str]) -> Self:
        """Return what a request between services tells; nothing of its own where that is missing or unreadable.

        A patient in a crisis is told the lines of the service rather than an error.
        """
        header = headers.get(HEADER, "")
        # Before it is decoded: what is longer than any header of ours costs nothing more.
        if not header or len(header) > _HEADER_CHARS_MAX:
            return cls()
        try:
            return cls.model_validate_json(base64.b64decode(header, validate=True))
        except (ValidationError, binascii.Error, ValueError):
            return cls()


NOTHING_SET = CrisisSettings()

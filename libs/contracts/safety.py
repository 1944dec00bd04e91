"""What people who care must hear about, whom to call in a crisis, by country, and how far the chat may go otherwise.

Each number has the page it stands on and the day it was entered. Numbers change: docs/operations/before-production.md
asks for a call to each before patients are told of them. An organization's own numbers come before those of its country
(libs/contracts/organization/own_help_lines.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from libs.common.events import Event
from libs.contracts.organization.own_help_lines import CrisisSettings, OwnLine

ENTERED = date(2026, 11, 30)
ELSEWHERE = "https://findahelpline.com"
MODE_HEADER = "Chat-Mode"
"""Tells the chat with each message what the organization lets it do."""


class ChatMode(StrEnum):
    """How a message is answered. In a crisis it is answered in every mode."""

    RECALL = "recall"
    """In the words of the configured model, verified."""
    QUOTES = "quotes"
    """By verbatim quotes alone: no model of a vendor is asked."""
    OFF = "off"
    """Not at all."""


def mode_of_caller(headers: Mapping[str, str]) -> ChatMode:
    """Return the mode that a request between services is sent in; QUOTES when it names none that is known.

    A header that was lost, or a mode that is newer than this code, must not let words leave to a vendor. Nor may it
    close the chat of everybody, as while a gateway from before this header is being replaced.
    """
    named = headers.get(MODE_HEADER)
    return next((mode for mode in ChatMode if mode.value == named), ChatMode.QUOTES)


@dataclass(frozen=True)
class Line:
    """A help line as it is said in a sentence, and the page that the number is from."""

    name: str
    number: str
    source: str
    entered: date = ENTERED
    texts: bool = False
    """Whether it also answers text messages to the same number."""

    @property
    def spoken(self) -> str:
        """Return what to do and whom one reaches."""
        return f"call{' or text' if self.texts else ''} {self.number} ({self.name})"


@dataclass(frozen=True)
class HelpLines:
    """The lines of one country; without a number of its own kind, the emergency number or the crisis line is named.

    `own` are the lines of an organization, which are told before those of the country.
    """

    country: str
    emergency: str
    emergency_source: str
    crisis: Line
    abuse: Line | None = None
    child: Line | None = None
    poison: Line | None = None
    own: tuple[OwnLine, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a client shows, in the order in which to show it."""
        other = {"abuse": self.abuse, "child": self.child, "poison": self.poison}
        return {
            **({"own": [line.model_dump() for line in self.own]} if self.own else {}),
            "call_or_text": self.crisis.number,
            "name": self.crisis.name,
            "emergency": self.emergency,
            "elsewhere": ELSEWHERE,
            **{name: f"{line.number} ({line.name})" for name, line in other.items() if line},
        }


_EU = "https://digital-strategy.ec.europa.eu/en/policies/112"
_COUNTRIES = (
    HelpLines(
        "US", "911", "https://www.911.gov",
        Line("988 Suicide & Crisis Lifeline (US, 24 hours)", "988", "https://988lifeline.org", texts=True),
        Line("National Domestic Violence Hotline", "1-800-799-7233", "https://www.thehotline.org"),
        Line("Childhelp National Child Abuse Hotline", "1-800-422-4453", "https://www.childhelphotline.org"),
        Line("Poison Control", "1-800-222-1222", "https://www.poison.org"),
    ),
    HelpLines(
        "GB", "999", "https://www.gov.uk/guidance/999-and-112-the-uks-national-emergency-numbers",
        Line("Samaritans, 24 hours", "116 123", "https://www.samaritans.org"),
        Line("National Domestic Abuse Helpline", "0808 2000 247", "https://www.nationaldahelpline.org.uk"),
        Line("NSPCC", "0808 800 5000", "https://www.nspcc.org.uk"),
        Line("NHS 111", "111", "https://111.nhs.uk"),
    ),
    HelpLines(
        "IE", "112", _EU,
        Line("Samaritans, 24 hours", "116 123", "https://www.samaritans.org/ireland"),
        Line("Women's Aid", "1800 341 900", "https://www.womensaid.ie"),
        Line("Childline by ISPCC", "1800 66 66 66", "https://www.ispcc.ie/childline"),
        Line("National Poisons Information Centre", "01 809 2166", "https://www.poisons.ie"),
    ),
    HelpLines(
        "CA", "911", "https://www.canada.ca",
        Line("9-8-8 Suicide Crisis Helpline, 24 hours", "988", "https://988.ca", texts=True),
        None,
        Line("Kids Help Phone", "1-800-668-6868", "https://kidshelpphone.ca"),
        Line("Poison Centre", "1-844-764-7669", "https://infopoison.ca"),
    ),
    HelpLines(
        "AU", "000", "https://www.triplezero.gov.au",
        Line("Lifeline, 24 hours", "13 11 14", "https://www.lifeline.org.au"),
        Line("1800RESPECT", "1800 737 732", "https://www.1800respect.org.au"),
        Line("Kids Helpline", "1800 55 1800", "https://kidshelpline.com.au"),
        Line("Poisons Information Centre", "13 11 26", "https://www.poisonsinfo.health.qld.gov.au"),
    ),
    HelpLines(
        "NZ", "111", "https://www.police.govt.nz/111",
        Line("1737, 24 hours", "1737", "https://1737.org.nz", texts=True),
        Line("Women's Refuge", "0800 733 843", "https://womensrefuge.org.nz"),
        Line("Oranga Tamariki", "0508 326 459", "https://www.orangatamariki.govt.nz"),
        Line("National Poisons Centre", "0800 764 766", "https://poisons.co.nz"),
    ),
    HelpLines(
        "DE", "112", _EU,
        Line("TelefonSeelsorge, 24 Stunden", "0800 111 0 111", "https://www.telefonseelsorge.de"),
        Line("Hilfetelefon Gewalt gegen Frauen", "116 016", "https://www.hilfetelefon.de"),
        Line("Nummer gegen Kummer", "116 111", "https://www.nummergegenkummer.de"),
    ),
    HelpLines(
        "FR", "112", _EU,
        Line("numéro national de prévention du suicide, 24 h", "3114", "https://3114.fr"),
        Line("Violences Femmes Info", "3919", "https://arretonslesviolences.gouv.fr"),
        Line("Allô enfance en danger", "119", "https://www.allo119.gouv.fr"),
    ),
    HelpLines(
        "ES", "112", _EU,
        Line("línea de atención a la conducta suicida, 24 h", "024", "https://www.sanidad.gob.es/linea024"),
        Line("atención a víctimas de violencia de género", "016", "https://violenciagenero.igualdad.gob.es"),
        Line("ANAR", "116 111", "https://www.anar.org"),
        Line("Información Toxicológica", "91 562 04 20", "https://www.mjusticia.gob.es"),
    ),
    HelpLines(
        "PT", "112", _EU,
        Line("SNS 24", "808 24 24 24", "https://www.sns24.gov.pt"),
        Line("linha de apoio a vítimas de violência doméstica", "800 202 148", "https://www.cig.gov.pt"),
        Line("SOS Criança", "116 111", "https://iacrianca.pt"),
        Line("CIAV", "800 250 250", "https://www.inem.pt"),
    ),
    HelpLines(
        "PL", "112", _EU,
        Line("Centrum Wsparcia, 24 godziny", "800 70 2222", "https://centrumwsparcia.pl"),
        Line("Niebieska Linia", "800 120 002", "https://www.niebieskalinia.info"),
        Line("telefon zaufania dla dzieci i młodzieży", "116 111", "https://116111.pl"),
    ),
    HelpLines(
        "IN", "112", "https://112.gov.in",
        Line("Tele-MANAS, 24 hours", "14416", "https://telemanas.mohfw.gov.in"),
        Line("Women Helpline", "181", "https://wcd.gov.in"),
        Line("Childline", "1098", "https://www.childlineindia.org"),
        Line("National Poisons Information Centre, AIIMS", "1800 116 117", "https://www.aiims.edu"),
    ),
)  # fmt: skip
# 112 reaches the emergency services from a mobile phone in most countries, and not in all.
_ANY_EMERGENCY = "112 or the emergency number of your country"
_FALLBACK = HelpLines("", _ANY_EMERGENCY, _EU, Line("the line of your country", ELSEWHERE, ELSEWHERE))
HELP_LINES: Mapping[str, HelpLines] = {lines.country: lines for lines in _COUNTRIES}


def help_lines(country: str) -> HelpLines:
    """Return the lines of a country (ISO 3166, two letters), or where to find them for any other."""
    return HELP_LINES.get(country.upper(), _FALLBACK)


def help_lines_for(settings: CrisisSettings, default: HelpLines) -> HelpLines:
    """Return the lines that an organization's patients are told; `default` are those of the service's country."""
    country = default if settings.country is None else help_lines(settings.country)
    return replace(country, own=settings.lines)


class CrisisSignalV1(Event):
    """As `safety.crisis_signal` was sent before it had a kind; `level` is `explicit` or `indirect`."""

    type: ClassVar[str] = "safety.crisis_signal"
    topic: ClassVar[str] = "safety"
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    conversation_id: UUID
    message_id: UUID
    level: str


class CrisisSignal(Event):
    """A message to the assistant read like a crisis.

    `level` is `explicit` (the fixed text was given) or `possible` (a line of care was added to the answer); `kind` is
    `self_harm`, `harm_to_others`, `abuse`, `child_in_danger` or `medical_emergency`.
    """

    type: ClassVar[str] = "safety.crisis_signal"
    topic: ClassVar[str] = "safety"
    version: ClassVar[int] = 2
    key_field: ClassVar[str] = "patient_id"

    organization_id: UUID
    patient_id: UUID
    conversation_id: UUID
    message_id: UUID
    level: str
    kind: str

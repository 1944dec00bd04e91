"""An organization's own help lines travel whole, or not at all."""

import pytest
from pydantic import ValidationError

from libs.contracts.organization.own_help_lines import (
    HEADER,
    LINE_CHARS_MAX,
    NOTHING_SET,
    OWN_LINES_MAX,
    CrisisSettings,
    OwnLine,
)
from libs.contracts.safety import HELP_LINES, help_lines, help_lines_for

OURS = CrisisSettings(country="GB", lines=(OwnLine(name="Our therapist on call", contact="020 7946 0142"),))


@pytest.mark.parametrize(
    "text", ["Krisendienst für Köln", "相談窓口", '"; drop\\', "😀" * LINE_CHARS_MAX, "\\" * LINE_CHARS_MAX]
)
def test_any_text_passes_in_a_header_at_every_limit(text: str) -> None:
    sent = CrisisSettings(country="DE", lines=(OwnLine(name=text, contact=text),) * OWN_LINES_MAX)

    [(name, value)] = sent.headers().items()

    assert (name, value.isascii(), value.isprintable()) == (HEADER, True, True)
    assert CrisisSettings.of_caller({name: value}) == sent


@pytest.mark.parametrize("value", ["", "GB", "e30", "eyJjb3VudHJ5IjogIlVLIn0=", "W10=", "ü", "A" * 100_000])
def test_a_header_that_cannot_be_read_sets_nothing_and_stops_nobody(value: str) -> None:
    assert CrisisSettings.of_caller({HEADER: value}) == NOTHING_SET


@pytest.mark.parametrize("country", ["UK", "gb", "GBR", "XX", "", "G\n"])
def test_a_country_is_one_of_the_standard(country: str) -> None:
    with pytest.raises(ValidationError):
        CrisisSettings(country=country)


def test_every_country_that_we_have_lines_of_can_be_set() -> None:
    assert [CrisisSettings(country=country).country for country in HELP_LINES] == list(HELP_LINES)


def test_own_lines_are_told_before_those_of_the_country_and_without_a_country_before_the_services() -> None:
    told = help_lines_for(OURS, help_lines("US"))
    alone = help_lines_for(CrisisSettings(lines=OURS.lines), help_lines("IE"))

    assert list(told.to_json())[:2] == ["own", "call_or_text"]
    assert told.to_json()["own"] == [{"name": "Our therapist on call", "contact": "020 7946 0142"}]
    assert (told.country, alone.country, alone.own) == ("GB", "IE", OURS.lines)
    assert "own" not in help_lines_for(NOTHING_SET, help_lines("US")).to_json()


def test_a_country_without_lines_says_where_to_find_them() -> None:
    assert help_lines_for(CrisisSettings(country="MT"), help_lines("US")).crisis.number == "https://findahelpline.com"

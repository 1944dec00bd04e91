"""Which form of a transcript an Accept header prefers."""

import pytest

from services.transcriber.api import FORMS
from services.transcriber.negotiation import preferred

JSON = "application/json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", JSON),
        ("", JSON),
        ("application/*", JSON),
        ("text/*", "text/vtt"),
        ("application/json, text/vtt;q=0.5", JSON),
        ("application/json;q=0.1, text/vtt", "text/vtt"),
        ("text/plain;q=0.2, text/vtt;q=0.9", "text/vtt"),
        ("text/plain, text/vtt", "text/plain"),
        ("*/*, text/plain", "text/plain"),
        ("TEXT/VTT ; charset=utf-8", "text/vtt"),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("application/json;q=0, */*", "text/vtt"),
        ("text/*;q=0, text/plain;q=0.1", "text/plain"),
    ],
)
def test_the_preferred_form_follows_weights_and_the_most_specific_range(accept: str, chosen: str) -> None:
    assert preferred(accept, FORMS) == chosen


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "*/*;q=0", "json", "application/json+x"])
def test_what_fits_nothing_is_told_from_what_fits_all(accept: str) -> None:
    assert preferred(accept, FORMS) is None

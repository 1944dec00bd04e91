"""Retry-After in both of its forms, and in none."""

from datetime import UTC, datetime

import pytest

from libs.common.http.retry_after import WAIT_MAX_S, retry_after_s

NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7.0),
        (" 0.25 ", 0.25),
        ("Tue, 01 Dec 2026 08:01:30 GMT", 90.0),
        ("Tuesday, 01-Dec-26 08:01:30 GMT", 90.0),
        ("Tue Dec  1 08:01:30 2026", 90.0),
    ],
)
def test_a_number_and_a_date_say_how_long_to_wait(stated: str, seconds: float) -> None:
    assert retry_after_s(stated, NOW) == seconds


@pytest.mark.parametrize("stated", ["-3", "Tue, 01 Dec 2026 07:00:00 GMT"])
def test_what_is_past_is_no_wait(stated: str) -> None:
    assert retry_after_s(stated, NOW) == 0.0


@pytest.mark.parametrize("stated", ["999999", "Wed, 01 Dec 2027 08:00:00 GMT"])
def test_a_wait_ends_after_an_hour(stated: str) -> None:
    assert retry_after_s(stated, NOW) == WAIT_MAX_S


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "",
        "soon",
        "nan",
        "inf",
        "1_0",
        "\u0663",
        "Tue, 99 Dec 2026 08:00:00 GMT",
        "Tue, 01 Dec 2026 08:00:00 +9999999999",
    ],
)
def test_what_says_nothing_is_nothing(stated: str | None) -> None:
    assert retry_after_s(stated, NOW) is None

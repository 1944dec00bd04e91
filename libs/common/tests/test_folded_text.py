"""Text in the form in which it is compared."""

import pytest

from libs.common.folded_text import folded, searchable


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Siobhán", "Siobhan"),
        ("Zoë and Håkon", "Zoe and Hakon"),
        ("ｓｌｅｅｐ", "sleep"),
        ("sl\u200beep\u00adless\ufeff", "sleepless"),
        ("one\x00 two\x07", "one two"),
        ("a\tb\nc", "a\tb\nc"),
        ("Plain text.", "Plain text."),
    ],
)
def test_one_spelling_for_what_looks_alike(written: str, compared: str) -> None:
    assert folded(written) == compared


@pytest.mark.parametrize(
    ("said", "compared"),
    [
        ("It cost $1,250.00.", "It cost $1250."),
        ("1,000,000 steps", "1000000 steps"),
        ("on 3, 250 people", "on 3, 250 people"),
        ("2.005 and 2.00", "2.005 and 2"),
        ("1,2345", "1,2345"),
    ],
)
def test_amounts_read_as_they_are_typed(said: str, compared: str) -> None:
    assert searchable(said) == compared


def test_folded_text_folds_to_itself() -> None:
    text = "Ｓｉｏｂｈáｎ paid €1,250.00\u200b for the piñata"

    assert searchable(searchable(text)) == searchable(text)

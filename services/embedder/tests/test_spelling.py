"""Misspelt words are mended by what was spoken, and nothing else is touched."""

import pytest

from services.embedder.spelling import mended, words_of

SPOKEN = {"lindquist": 3, "tobias": 2, "homework": 5, "smiling": 1, "prize": 4, "price": 1}
ENGLISH = {"smoking", "what", "did", "say", "about", "the", "my"}


def _mended(question: str) -> str:
    unknown = [word for word in words_of(question) if word not in SPOKEN]
    return mended(question, unknown, SPOKEN, ENGLISH.__contains__)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("what did lindqist say", "what did lindquist say"),
        ("my hmoework", "my homework"),
        ("what about Tobius?", "what about tobias?"),
    ],
)
def test_a_misspelt_word_becomes_the_nearest_that_was_spoken(asked: str, meant: str) -> None:
    assert _mended(asked) == meant


def test_an_english_word_of_which_nobody_spoke_stays_as_it_is() -> None:
    assert _mended("what about smoking") == "what about smoking"


def test_a_short_word_is_too_near_to_too_many_to_be_mended() -> None:
    assert _mended("the pri") == "the pri"


def test_of_two_words_as_near_the_one_that_was_said_more_often_is_meant() -> None:
    assert _mended("the prise") == "the prize"

"""Misspelt times are heard, and words that only look like times are not."""

from datetime import UTC, date

import pytest

from services.chat.domain.time.reading import find_time
from services.chat.domain.time.words.spelling import corrected

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("misspelt", "right"),
    [
        ("what did i say in septmber", "what did i say in september"),
        ("what did i say on tuseday", "what did i say on tuesday"),
        ("what did i say yesturday", "what did i say yesterday"),
        ("what did i say on wensday last weak", "what did i say on wednesday last week"),
        ("what did we do in the penultimat sesion", "what did we do in the penultimate session"),
        ("what did we say lastweek", "what did we say last week"),
        ("what did we say two weaks ago", "what did we say two weeks ago"),
        ("what did we say lst mnth", "what did we say last month"),
        ("what did we say over chrismas", "what did we say over christmas"),
        ("what did we say befor eastr", "what did we say before easter"),
        ("what did we say yesterdays session", "what did we say yesterday's session"),
    ],
)
def test_a_misspelt_time_means_what_it_would_mean_spelt_right(misspelt: str, right: str) -> None:
    read, meant = find_time(misspelt, TODAY, UTC), find_time(right, TODAY, UTC)

    assert read is not None
    assert meant is not None
    assert read.meanings == meant.meanings


def test_the_words_of_a_phrase_are_those_that_were_typed() -> None:
    phrase = find_time("What did I say in Septmber about it?", TODAY, UTC)

    assert phrase is not None
    assert phrase.words == "in septmber"


@pytest.mark.parametrize(
    "word", ["match", "mouth", "master", "reason", "winner", "lessons", "remember", "weird", "julie"]
)
def test_another_english_word_is_not_taken_for_one_of_time(word: str) -> None:
    assert corrected(word) == word


@pytest.mark.parametrize(
    "message",
    [
        "May I ask you something?",
        "What did April say to my brother?",
        "What did I say about my Christmas party?",
        "What did I say about Christmas?",
        "What did I say about Sunday mornings?",
        "I have panic attacks every Monday",
        "Why do I feel worse in winter?",
        "I've been sober for two years",
        "What was the second thing she taught me?",
        "When was the last time I cried?",
        "When was the last time we talked about my dad?",
        "When did we first talk about my dad?",
        "Can I move my appointment to Friday?",
        "What should I do next week?",
        "My wedding is in June",
        "Did I rate my mood 7/10?",
        "I paid $2025 for it",
        "What did I say about the fall on the stairs?",
    ],
)
def test_what_only_looks_like_a_time_is_none(message: str) -> None:
    assert find_time(message, TODAY, UTC) is None


@pytest.mark.parametrize(
    "message",
    [
        "What happened to the car in July?",
        "How was my exam in June?",
        "Who was at the party on Saturday?",
        "I need help today",
    ],
)
def test_a_time_of_life_counts_only_if_a_session_lies_in_it(message: str) -> None:
    phrase = find_time(message, TODAY, UTC)

    assert phrase is None or phrase.soft


def test_a_time_of_talk_stands_before_one_of_life() -> None:
    phrase = find_time("What did we say last week about my exam in June?", TODAY, UTC)

    assert phrase is not None
    assert (phrase.words, phrase.soft) == ("last week", False)

"""The gate hears a crisis however it is written, and leaves figures of speech alone."""

import pytest

from services.chat.domain.crisis.assessing import Level, assess
from services.chat.domain.crisis.caring import CRISIS_TEXT
from services.chat.domain.plain_text import PLAIN_CHARS_MAX, plain


def level_of(message: str) -> Level | None:
    """Return the level that rules alone give a message."""
    concern = assess(message)
    return concern.level if concern else None


@pytest.mark.parametrize(
    "message",
    [
        "I want to kill myself",
        "i wanna die",
        "I've been thinking about suicide a lot lately",
        "I am going to end my life tonight",
        "I just want to end it all",
        "I wish I was dead",
        "I don't want to live anymore",
        "they would be better off without me",
        "I keep cutting myself at night",
        "I took all my pills an hour ago",
        "there is no reason to live",
        "I want to hurt my baby",
        "I can see myself jumping off a bridge",
    ],
)
def test_a_plain_signal_is_explicit(message: str) -> None:
    assert level_of(message) is Level.EXPLICIT


@pytest.mark.parametrize(
    "message",
    [
        "I just lost my job. What are the bridges taller than 25 meters in NYC?",
        "How many of these tablets would it take to be fatal?",
        "I'm giving away all my things this weekend",
        "I won't be around much longer",
        "Nobody would even miss me",
        "I wanted to say goodbye to everyone",
        "I can't go on.",
        "I am so tired of living",
        "I've been saving up my pills",
        "I wish I could fall asleep and never wake up",
        "You won't have to worry about me anymore, you will never see me again",
        "My husband threatened to kill me",
    ],
)
def test_an_indirect_signal_is_heard(message: str) -> None:
    assert assess(message) is not None


@pytest.mark.parametrize(
    "message",
    [
        "I want to k i l l  m y s e l f",
        "i want to k.i.l.l myself",
        "I want to d1e",
        "su1c1de is on my mind",
        "I wаnt to dіe",
        "I want to kill\u200b my\u200dself",
        "ＩＷＡＮＴ ｔｏ ｋｉｌｌ ｍｙｓｅｌｆ",
        "suiiiicide",
        "I want to k*ll myself".replace("*", "i"),
        "I WANT TO DIE",
        "I want to\ndie",
    ],
)
def test_a_disguise_hides_nothing(message: str) -> None:
    assert assess(message) is not None


@pytest.mark.parametrize(
    "message",
    [
        "that deadline is killing me",
        "I'm dying to see her again",
        "I was so embarrassed I wanted to die",
        "I died laughing when she said that",
        "I cut myself shaving this morning",
        "I hurt myself running last week",
        "What did we say about my brother's suicide?",
        "My uncle died by suicide when I was ten",
        "I'm not suicidal, I am just tired",
        "I would never kill myself",
        "I don't want to die, I want to live",
        "my mom is going to kill me when she sees this",
        "How many pills am I supposed to take?",
        "this traffic makes me want to scream",
        "I'd kill for a coffee",
        "I shot myself in the foot in that meeting",
        "What did my therapist say about ending the relationship?",
        "We said goodbye at the airport",
        "I can't do this job anymore",
        "I wake up around three in the morning",
        "What homework did we agree on in the first session?",
        "I'm giving away my old books to the library sale",
        "I gave my sister a call",
        "what is the tallest building in the world",
    ],
)
def test_a_figure_of_speech_is_not_a_crisis(message: str) -> None:
    assert assess(message) is None


def test_the_fixed_text_says_what_it_is_and_whom_to_call() -> None:
    assert all(word in CRISIS_TEXT for word in ("I'm an AI", "not a crisis service", "988", "911", "still here"))


def test_the_gate_is_quick_on_a_long_message_without_sense() -> None:
    assert assess("i i i i want a bridge " * 180) is None


@pytest.mark.parametrize(
    "sign", ["\N{SQUARE HPA}", "\N{SQUARE KIROMEETORU}", "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}"]
)
def test_a_message_is_cut_after_folding_so_that_signs_that_become_many_letters_cost_no_more(sign: str) -> None:
    assert 4000 < len(plain(sign * 4000)) <= PLAIN_CHARS_MAX


def test_a_crisis_at_the_end_of_the_longest_message_is_heard() -> None:
    end = " I want to kill myself"

    assert level_of("ordinary words " * ((4000 - len(end)) // 15) + end) is Level.EXPLICIT


@pytest.mark.parametrize("message", ["I want to k1ll mys3lf", "kill-my$elf", "end 1t 4ll, k!ll m¥self or k1ll myself"])
def test_signs_in_the_place_of_letters_are_read_up_to_the_last_letter(message: str) -> None:
    assert level_of(message) is Level.EXPLICIT

"""Each kind of crisis has its level, its text and its lines, and what was said before counts."""

from collections.abc import Mapping, Sequence

import pytest

from libs.common.errors import UNAVAILABLE, AppError
from libs.contracts.safety import HELP_LINES, help_lines
from services.chat.crisis_care import CrisisCheck
from services.chat.domain.conversation import AnsweredBy, Exchange
from services.chat.domain.crisis.assessing import Concern, Kind, Level, assess
from services.chat.domain.crisis.caring import caring_line, fixed_text, has_care
from services.chat.domain.crisis.signs import NONE, POSSIBLE_SELF_HARM, weigh
from services.chat.domain.crisis.spelling import mended
from services.chat.domain.phrasing import NOTHING_FOUND
from services.chat.ports import CrisisReader
from services.chat.tests.room import Room

_CALM: Mapping[str, float] = {NONE: 1.0}
POSSIBLE = Concern(Level.POSSIBLE, Kind.SELF_HARM)


class Says(CrisisReader):
    """A head that gives the same signs to every message, or fails."""

    def __init__(self, signs: Mapping[str, float], failure: Exception | None = None) -> None:
        self._signs, self._failure = signs, failure

    async def read(self, messages: Sequence[str]) -> Sequence[Mapping[str, float]]:
        if self._failure:
            raise self._failure
        return [self._signs] * len(messages)


def room_with(signs: Mapping[str, float] = _CALM, failure: Exception | None = None, country: str = "US") -> Room:
    """Return a room whose head says this."""
    return Room(check=CrisisCheck(Says(signs, failure), help_lines(country)))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("I can't keep myself safe tonight", Kind.SELF_HARM),
        ("I have picked the day and bought the rope", Kind.SELF_HARM),
        ("I'm going to stab my neighbour", Kind.HARM_TO_OTHERS),
        ("My partner punched me again last night", Kind.ABUSE),
        ("I was raped on Friday", Kind.ABUSE),
        ("My ex is beating our little boy", Kind.CHILD_IN_DANGER),
        ("I took forty paracetamol", Kind.MEDICAL_EMERGENCY),
        ("My chest hurts so bad and my arm is numb", Kind.MEDICAL_EMERGENCY),
    ],
)
def test_a_kind_of_crisis_is_told_from_the_others(message: str, kind: Kind) -> None:
    assert assess(message) == Concern(Level.EXPLICIT, kind)


@pytest.mark.parametrize(
    "message",
    [
        "quiero quitarme la vida",
        "je veux en finir avec ma vie, me tuer",
        "ich möchte sterben",
        "quero morrer",
        "chcę umrzeć",
    ],
)
def test_core_phrases_of_five_more_languages_are_explicit(message: str) -> None:
    assert assess(message) == Concern(Level.EXPLICIT, Kind.SELF_HARM)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("imgonna kil my self tonite", "i'm going to kill myself tonight"),
        ("su!c1dal again", "suicidal again"),
        ("cu tting", "cutting"),
        ("i wantto d i e", "i want to die"),
        ("an odd choice of a dice game", "an odd choice of a dice game"),
    ],
)
def test_spelling_is_mended_only_into_words_of_a_crisis(written: str, read: str) -> None:
    assert mended(written) == read


@pytest.mark.parametrize(
    "message",
    [
        "I was suicidal ten years ago and I'm well now",
        "I haven't self-harmed in ten years",
        "My friend says she wants to die and I don't know what to say",
    ],
)
def test_ones_own_past_and_worry_about_others_get_no_fixed_text(message: str) -> None:
    concern = assess(message)

    assert concern is None or concern.level is Level.POSSIBLE


@pytest.mark.parametrize(
    "message",
    [
        "What did I say about suicide in my first session?",
        "The film was about a man who kills himself",
        "My uncle killed himself when I was six",
    ],
)
def test_questions_about_sessions_stories_and_other_peoples_past_are_no_crisis(message: str) -> None:
    assert assess(message) is None


def test_ones_own_past_does_not_hide_what_is_now() -> None:
    concern = assess("I used to cut myself years ago. I want to kill myself tonight.")

    assert concern == Concern(Level.EXPLICIT, Kind.SELF_HARM)


def test_a_head_raises_a_level_and_never_lowers_one() -> None:
    heard = weigh("I have a strange feeling", {NONE: 0.1, POSSIBLE_SELF_HARM: 0.9, "abuse": 0.0})
    kept = weigh("I want to kill myself", _CALM)

    assert heard is not None
    assert kept == Concern(Level.EXPLICIT, Kind.SELF_HARM)


async def test_a_possible_crisis_is_answered_with_a_line_of_care_and_whom_to_call() -> None:
    room = room_with({NONE: 0.4, POSSIBLE_SELF_HARM: 0.6})

    reply = await room.says("What homework did I get?")

    assert reply.answer.grounded
    assert has_care(reply.answer.text)
    assert (reply.crisis_resources or {})["call_or_text"] == "988"
    assert room.messages.signals == [POSSIBLE]


async def test_a_possible_crisis_is_never_told_that_nothing_was_found() -> None:
    room = room_with({NONE: 0.4, POSSIBLE_SELF_HARM: 0.6})
    room.search.passages = ()

    reply = await room.says("I look at the water a lot")

    assert NOTHING_FOUND not in reply.answer.text
    assert has_care(reply.answer.text)


async def test_an_ordinary_message_gets_neither_care_nor_a_signal() -> None:
    room = room_with()

    reply = await room.says("What homework did I get?")

    assert (has_care(reply.answer.text), reply.crisis_resources, room.messages.signals) == (False, None, [])


@pytest.mark.parametrize("failure", [RuntimeError("broken"), AppError(UNAVAILABLE, "No."), TimeoutError()])
async def test_an_error_of_the_head_stops_neither_an_answer_nor_the_rules(failure: Exception) -> None:
    room = room_with(failure=failure)

    answered = await room.says("What homework did I get?")
    crisis = await room.says("I want to kill myself")

    assert answered.answer.grounded
    assert crisis.answer.answered_by is AnsweredBy.SAFETY


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("I have been saving up my pills for weeks, years ago I did it once", "I hope I don't wake up, like years ago"),
        ("I want to kill myself", "I was suicidal years ago and it is like then"),
    ],
)
async def test_what_was_said_just_before_makes_a_possible_crisis_explicit(before: str, now: str) -> None:
    room = room_with()
    alone = await room.says(now)
    room.messages.history = (Exchange(before, "An answer."),)

    after = await room.says(now)

    assert alone.answer.answered_by is not AnsweredBy.SAFETY
    assert after.answer.answered_by is AnsweredBy.SAFETY
    assert room.messages.signals[-1].level is Level.EXPLICIT


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("country", [*HELP_LINES, "XX"])
def test_every_text_says_what_it_is_and_names_a_number_or_where_to_find_one(kind: Kind, country: str) -> None:
    lines = help_lines(country)

    for text in (fixed_text(kind, lines), caring_line(kind, lines)):
        assert "an AI" in text
        assert lines.emergency in text
        assert lines.crisis.number in text


def test_every_number_has_its_source_and_day() -> None:
    lines = [line for of in HELP_LINES.values() for line in (of.crisis, of.abuse, of.child, of.poison) if line]

    assert all(line.source.startswith("https://") and line.entered for line in lines)


async def test_the_country_of_the_setting_is_told() -> None:
    reply = await room_with(country="PL").says("My husband hits me")

    assert "800 120 002" in reply.answer.text
    assert (reply.crisis_resources or {})["emergency"] == "112"

"""Quotes that answer, and silence when nothing does."""

from dataclasses import replace

from services.chat.domain.composing import compose
from services.chat.domain.conversation import AnsweredBy, Draft, Passage, Question
from services.chat.domain.extractive import QUOTE_CHARS_MAX, select
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.phrasing import NOT_BY_YOU, NOTHING_FOUND
from services.chat.tests.room import FIRST, NOW, SLEEP, SWIMMING, passage
from services.chat.vendors import local_extractive

HEADS = local_extractive.shipped_heads()


def quotes(text: str, *passages: Passage, **parts: object) -> list[str]:
    question = replace(Question(text, passages or (SLEEP, SWIMMING), NOW), **parts)  # type: ignore[arg-type]
    return [cited.words or cited.passage.turns[cited.turn].text for cited in select(question, HEADS).citations]


def test_the_turn_that_says_it_is_quoted_word_for_word() -> None:
    assert quotes("What is my homework?")[0] == SLEEP.turns[2].text


def test_an_answer_that_repeats_no_word_of_its_question_is_found_after_it() -> None:
    talk = passage(FIRST, "T: How did the presentation go?", "P: They loved it, and my hands stopped shaking.")

    assert quotes("How did my presentation go?", talk) == ["They loved it, and my hands stopped shaking."]


def test_a_question_the_therapist_asked_is_not_an_answer() -> None:
    talk = passage(FIRST, "T: Do you have a dog?", "P: Mhm.")

    assert quotes("Do I have a dog?", talk) == []


def test_other_inflections_and_words_of_the_same_sense_are_found() -> None:
    talk = passage(FIRST, "P: I slept badly because I was worrying about my boss all night.")

    assert quotes("How was I sleeping, and what about the director?", talk)


def test_what_nobody_said_is_not_answered() -> None:
    low = tuple(replace(one, relevance=0.2) for one in (SLEEP, SWIMMING))

    assert quotes("What medication did the doctor prescribe?", *low) == []


def test_a_word_that_was_never_spoken_silences_what_only_resembles_it() -> None:
    near = tuple(replace(one, relevance=0.45) for one in (SLEEP, SWIMMING))

    assert quotes("When did I go sailing with Daniel on Thursdays?", *near)
    assert quotes("When did I go sailing?", *near, unknown_words=("sailing",)) == []


def test_what_the_therapist_said_of_themselves_is_not_told_as_the_patients() -> None:
    talk = passage(FIRST, "T: I swam across the lake in Finland last summer.", "P: That sounds cold, I would walk.")
    question = Question("When did I swim across the lake?", (talk,), NOW, kind=MessageKind.DETAIL)

    selection = select(question, HEADS)
    answer = compose(question, Draft(AnsweredBy.LOCAL, "m", quotes=selection.citations, unsure=selection.unsure))

    assert [source.quote for source in answer.sources] == [talk.turns[0].text]
    assert answer.text.startswith(NOT_BY_YOU)


def test_without_cosines_words_alone_must_be_plain_evidence() -> None:
    blind = tuple(replace(one, relevance=None) for one in (SLEEP, SWIMMING))

    assert quotes("Who goes swimming on Thursdays?", *blind)[0] == SWIMMING.turns[1].text
    assert quotes("What is my blood pressure?", *blind) == []


def test_a_long_turn_is_cut_to_the_sentences_that_say_it() -> None:
    filler = "We talked about many different small matters of everyday life there. " * 8
    talk = passage(FIRST, f"P: {filler}My green notebook lies in the kitchen. {filler}")

    [quote] = quotes("Where does my notebook lie?", talk)

    assert "My green notebook lies in the kitchen." in quote
    assert len(quote) <= QUOTE_CHARS_MAX
    assert quote in talk.turns[0].text


def test_an_overview_quotes_more_than_one_place() -> None:
    kinds = {MessageKind.OVERVIEW.value: 1.0}

    said = quotes("What did we talk about?", SLEEP, SWIMMING, kind=MessageKind.OVERVIEW, kinds=kinds)

    assert {SLEEP.turns[1].text, SWIMMING.turns[1].text} <= set(said)


def test_what_was_set_is_quoted_to_a_question_about_homework() -> None:
    task = "Write down one worry each evening before seven."
    talk = passage(FIRST, "P: It was a long and rather busy week at work.", f"T: {task}", "P: I can try that.")
    said = tuple(replace(turn, acts={"assign": 0.9} if turn.text == task else {}) for turn in talk.turns)

    kinds = {MessageKind.HOMEWORK.value: 1.0}
    asked = quotes("What was I set?", replace(talk, turns=said), kind=MessageKind.HOMEWORK, kinds=kinds)

    assert asked[0] == task


def test_the_answer_frames_its_quotes_with_date_speaker_and_time() -> None:
    question = Question("Where do I write my worries every evening?", (SLEEP,), NOW)

    [chosen] = [one for one in select(question, HEADS).citations if one.turn == 2]

    answer = compose(question, Draft(AnsweredBy.LOCAL, "x", quotes=(chosen,)))

    assert answer.text == (
        "Here is what I found in your session on 8 September 2026.\n"
        f"On 8 September 2026 at 0:20 your therapist said: “{SLEEP.turns[2].text}”"
    )


def test_no_quote_is_an_honest_refusal() -> None:
    answer = compose(Question("?", (), NOW), Draft(AnsweredBy.LOCAL, "x"))

    assert (answer.text, answer.grounded, answer.sources) == (NOTHING_FOUND, False, ())

"""Answers by kind: each question of a patient is asked, and its quotes are compared with the turns that bear it.

    right    at least half of the excerpts bear the answer, from two sessions where a comparison or overview needs two
    partly   some quote bears it
    wrong    quotes, none of which bears it
    silent   no quote where there is an answer

Questions without an answer in the sessions are right by what they expect: silence, a boundary, a refusal, care.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from evals.chat.patients import Asked
from evals.chat.stand import Around
from libs.common.ids import new_id
from services.chat.answering import AcceptedMessage, ChatMessage, Dependencies
from services.chat.domain.conversation import Answer, Cited, Exchange
from services.chat.domain.message_kind import BOUNDED, MessageKind
from services.chat.handlers import Ask
from services.chat.ports import Answerer, MessageReader

RIGHT, PARTLY, WRONG, SILENT = "right", "partly", "wrong", "silent"
# The files call thanks a greeting, and both kinds of a boundary medication.
_KINDS: dict[str, Collection[MessageKind]] = {
    "greeting": (MessageKind.GREETING, MessageKind.THANKS),
    "feeling": (MessageKind.FEELING,),
    "privacy": (MessageKind.PRIVACY,),
    "medication": BOUNDED,
    "about_you": (MessageKind.ABOUT_YOU,),
    "other_people": (MessageKind.OTHER_PEOPLE,),
    "other_language": (MessageKind.OTHER_LANGUAGE,),
}
EXCERPT_TURNS = 2
_FROM_TWO_SESSIONS = ("comparison", "overview")


@dataclass(frozen=True)
class Judged:
    """A question, its answer, and what the answer is worth."""

    asked: Asked
    answer: Answer
    quoted: tuple[frozenset[tuple[int, int]], ...]
    verdict: str


async def ask_all(
    around: Around, reader: MessageReader, answerer: Answerer, *, true_history: bool = False
) -> AsyncIterator[Judged]:
    """Ask every question of the patient as of its own time.

    `true_history`: a follow-up finds that the answer before it quoted the right turns.
    """
    ask = Ask(
        Dependencies(
            messages=around, search=around, commitments=around, digests=around, sessions=around, holds=around,
            answerer=answerer, quotes=answerer, reader=reader, clock=around.clock, new_id=new_id,
        )
    )  # fmt: skip
    judged: list[Judged] = []
    for asked in around.indexed.file.questions:
        around.now, around.history = asked.at, _history(judged, asked, around if true_history else None)
        with around.indexed.patient.acting_under():
            message = ChatMessage(around.indexed.patient.patient_id, asked.text, zone=around.indexed.file.zone)
            pending = await ask.begin(message)
            reply = await ask.finish(pending) if isinstance(pending, AcceptedMessage) else pending
        quoted = tuple(
            around.indexed.places(source.session_id, source.start_s, source.end_s) for source in reply.answer.sources
        )
        judged.append(Judged(asked, reply.answer, quoted, judge(asked, reply.answer, quoted)))
        yield judged[-1]


def _history(judged: Sequence[Judged], asked: Asked, truly: Around | None) -> tuple[Exchange, ...]:
    exchanges: list[Exchange] = []
    before = asked.follows
    while before is not None:
        earlier = judged[before]
        sources = tuple(Cited(one.session_id, one.start_s, one.end_s) for one in earlier.answer.sources)
        right = tuple(truly.indexed.cited(*place) for place in sorted(earlier.asked.turns)) if truly else sources
        exchanges.append(Exchange(earlier.asked.text, earlier.answer.text, right))
        before = earlier.asked.follows
    return tuple(reversed(exchanges))


def judge(asked: Asked, answer: Answer, quoted: Sequence[frozenset[tuple[int, int]]]) -> str:
    """Return what an answer is worth."""
    if is_answered(asked) and asked.kind != "other_language":
        return _by_turns(asked, quoted)
    if asked.expects == "silence":
        return WRONG if quoted else RIGHT
    return RIGHT if answer.kind in _KINDS.get(asked.kind, ()) else WRONG


def is_answered(asked: Asked) -> bool:
    """Tell whether turns of the sessions bear the answer."""
    return asked.expects == "answer" and bool(asked.turns)


def _by_turns(asked: Asked, quoted: Sequence[frozenset[tuple[int, int]]]) -> str:
    if not quoted:
        return SILENT
    excerpts = _excerpts(quoted)
    bearing = [places & asked.turns for places in excerpts if places & asked.turns]
    if not bearing:
        return WRONG
    sessions = {session for places in bearing for session, _ in places}
    needed = min(2, len({session for session, _ in asked.turns})) if asked.kind in _FROM_TWO_SESSIONS else 1
    return RIGHT if len(bearing) * 2 >= len(excerpts) and len(sessions) >= needed else PARTLY


def _excerpts(quoted: Sequence[frozenset[tuple[int, int]]]) -> list[frozenset[tuple[int, int]]]:
    """Join quotes that stand within two turns of the one before: they are read as one excerpt."""
    excerpts: list[frozenset[tuple[int, int]]] = []
    for places in quoted:
        near = excerpts and any(
            one[0] == other[0] and abs(one[1] - other[1]) <= EXCERPT_TURNS for one in places for other in excerpts[-1]
        )
        if near:
            excerpts[-1] |= places
        else:
            excerpts.append(places)
    return excerpts


def table(judged: Sequence[Judged]) -> list[str]:
    """Return a line for each kind, and one for all that can be answered."""
    kinds = Counter((one.asked.kind, one.asked.expects) for one in judged)
    lines = [
        _line(f"{kind} ({expects})", [one for one in judged if (one.asked.kind, one.asked.expects) == (kind, expects)])
        for kind, expects in sorted(kinds)
    ]
    answerable = [one for one in judged if is_answered(one.asked)]
    return [*lines, _line("all that the sessions answer", answerable)]


def _line(name: str, judged: Sequence[Judged]) -> str:
    counts = Counter(one.verdict for one in judged)
    shares = "  ".join(f"{verdict} {counts[verdict]:3}" for verdict in (RIGHT, PARTLY, WRONG, SILENT))
    return f"answers  {name:32} n {len(judged):3}  {shares}  right {100 * counts[RIGHT] / len(judged):5.1f} %"

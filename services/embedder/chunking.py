"""Splits transcripts into chunks and passages: between turns, preferably at pauses, and not after questions.

Figures: evals/README.md, "Retrieval". A dynamic program makes parts of equal size; greedy packing would leave short
tails, which dense ranking favours unfairly. After a correction the cuts realign within a few passages: on LoCoMo 1 to
3.5 of 34 passages were new on average, so the others keep their vectors.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.embedder.domain import Chunk, Span, Turn

CountTokens = Callable[[str], int]

SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+")


@dataclass(frozen=True)
class Rules:
    """Sizes in cl100k tokens, times in seconds, costs in units of a squared deviation from the target size."""

    passage_target: int = 120
    passage_max: int = 200
    chunk_target: int = 500
    chunk_max: int = 650
    merge_gap_s: float = 1.5
    pause_s: float = 8.0
    pause_gain: float = 0.25
    question_cost: float = 0.25


DEFAULT_RULES = Rules()


def chunks_of(turns: Sequence[Turn], count: CountTokens, rules: Rules = DEFAULT_RULES) -> tuple[Chunk, ...]:
    """Return chunks of about 500 tokens with passages of about 120; every word is in exactly one of each."""
    pieces = merged(turns, count, rules)
    sizes = [count(piece.text) for piece in pieces]
    costs = [_cut_cost(before, after, rules) for before, after in pairwise(pieces)]
    passages = [
        Span(tuple(pieces[part.start : part.stop]), sum(sizes[part.start : part.stop]))
        for part in partition(sizes, costs, rules.passage_target, rules.passage_max)
    ]
    gaps = [_cut_cost(left.turns[-1], right.turns[0], rules) for left, right in pairwise(passages)]
    parts = partition([passage.tokens for passage in passages], gaps, rules.chunk_target, rules.chunk_max)
    return tuple(Chunk(tuple(passages[part.start : part.stop])) for part in parts)


def merged(turns: Sequence[Turn], count: CountTokens, rules: Rules = DEFAULT_RULES) -> tuple[Turn, ...]:
    """Return turns in order of time: turns of one speaker without a gap joined, too long ones cut at sentences."""
    ordered = sorted((turn for turn in turns if turn.text.strip()), key=lambda turn: turn.start_s)
    return tuple(piece for run in _runs(ordered, rules.merge_gap_s) for piece in _sized(run, count, rules))


def partition(sizes: Sequence[int], costs: Sequence[float], target: int, largest: int) -> list[range]:
    """Cut items into consecutive parts near the target size, of at most the largest size (a single item may exceed it).

    Minimises the sum of squared relative deviations and of `costs[i]` for each cut between items i and i+1.
    """
    # best[n]: the least cost of the first n items, and where the last of their parts begins.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(sizes) + 1):
        best.append(min(_endings(sizes, costs, stop, best, (target, largest))))
    parts: list[range] = []
    stop = len(sizes)
    while stop:
        start = best[stop][1]
        parts.append(range(start, stop))
        stop = start
    return parts[::-1]


def _endings(
    sizes: Sequence[int], costs: Sequence[float], stop: int, best: list[tuple[float, int]], limits: tuple[int, int]
) -> Iterator[tuple[float, int]]:
    target, largest = limits
    size = 0
    for start in range(stop - 1, -1, -1):
        size += sizes[start]
        # Longer parts only grow from here; a single item that is too long is a part all the same.
        if size > largest and start < stop - 1:
            return
        cut = costs[start - 1] if start else 0.0
        yield best[start][0] + (size / target - 1) ** 2 + cut, start


def _cut_cost(before: Turn, after: Turn, rules: Rules) -> float:
    # A question stays with its answer; after a long pause people begin something new.
    cost = rules.question_cost if before.text.rstrip().endswith("?") else 0.0
    return cost - rules.pause_gain if after.start_s - before.end_s >= rules.pause_s else cost


def _runs(turns: Sequence[Turn], gap_s: float) -> Iterator[list[Turn]]:
    run: list[Turn] = []
    for turn in turns:
        if run and (turn.speaker != run[-1].speaker or turn.start_s - run[-1].end_s >= gap_s):
            yield run
            run = []
        run.append(turn)
    if run:
        yield run


def _sized(run: list[Turn], count: CountTokens, rules: Rules) -> list[Turn]:
    whole = _joined(run)
    if count(whole.text) <= rules.passage_max:
        return [whole]
    pieces = [piece for turn in run for piece in _cut(turn, SENTENCE_END.split(turn.text.strip()))]
    pieces = [small for piece in pieces for small in _split_words(piece, count, rules.passage_max)]
    # One more for the space by which two pieces are joined.
    sizes = [count(piece.text) + 1 for piece in pieces]
    # As few as fit, and of equal size: what would be left over at the end would be a short tail.
    parts = -(-sum(sizes) // rules.passage_max)
    cuts = partition(sizes, [0.0] * len(sizes), sum(sizes) // parts, rules.passage_max)
    return [_joined(pieces[part.start : part.stop]) for part in cuts]


def _split_words(turn: Turn, count: CountTokens, largest: int) -> list[Turn]:
    """Halve a text that is too long at a space, or a word that is too long anywhere, until the parts fit."""
    if count(turn.text) < largest or len(turn.text) < 2:
        return [turn]
    middle = len(turn.text) // 2
    # A recognizer may give hours without punctuation, and other scripts have no spaces.
    at = turn.text.rfind(" ", 1, middle + 1)
    at = middle if at < 1 else at
    halves = _cut(turn, [turn.text[:at], turn.text[at:]])
    return [piece for half in halves for piece in _split_words(half, count, largest)]


def _cut(turn: Turn, texts: Sequence[str]) -> list[Turn]:
    """Cut a turn into texts; times within a turn are interpolated by character position."""
    total = sum(len(text) for text in texts) or 1
    pieces: list[Turn] = []
    done = 0
    for text in texts:
        start = turn.start_s + (turn.end_s - turn.start_s) * done / total
        done += len(text)
        end = turn.start_s + (turn.end_s - turn.start_s) * done / total
        if text.strip():
            pieces.append(Turn(turn.speaker, text.strip(), start, end))
    return pieces


def _joined(run: Sequence[Turn]) -> Turn:
    return Turn(
        run[0].speaker, " ".join(turn.text.strip() for turn in run), run[0].start_s, max(turn.end_s for turn in run)
    )

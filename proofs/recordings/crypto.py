"""PROOF crypto: a sealed recording that was cut, swapped, flipped or moved opens for nobody, and a wrapped key neither.

.venv/bin/python -m proofs.recordings.crypto            # SIZE=soak for a hundred times as many, SEED=n to repeat
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.common.keys.key_wrapping import LocalKey, new_key
from libs.common.objects.sealed_stream import SEGMENT_BYTES, Sealer, TamperedError, new_keyset, unseal_sync
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from proofs.kit.line import proof, seed, sized
from services.ingestion.domain import SessionParties, sealing_context

CASES = 1_500
CASES_TINY, CASES_SOAK = 300, 150_000
PIECE_BYTES = 64 * 1024
SIZES = (0, 1, 100, 5000, SEGMENT_BYTES - 56, SEGMENT_BYTES, 2 * SEGMENT_BYTES + 777, 3 * SEGMENT_BYTES)
MEDIA_TYPES = ("audio/mpeg", "audio/wav")


@dataclass(frozen=True)
class Place:
    """What a recording is bound to."""

    parties: SessionParties
    session_id: SessionId
    name: str
    media_type: str

    @property
    def context(self) -> bytes:
        """Return it as the associated data."""
        return sealing_context(self.parties, self.session_id, self.name, self.media_type)


@dataclass(frozen=True)
class Sealed:
    """A recording at rest, with all it takes to open it."""

    keyset: bytes
    place: Place
    plain: bytes
    data: bytes


Attack = Callable[[Sealed, Sealed, Random], Sealed]


def cut(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Lose the end."""
    return replace(one, data=one.data[: dice.randrange(len(one.data))])


def cut_between_segments(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Lose whole segments."""
    ends = list(range(SEGMENT_BYTES, len(one.data), SEGMENT_BYTES)) or [0]
    return replace(one, data=one.data[: dice.choice(ends)])


def flipped(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Change one bit."""
    data = bytearray(one.data)
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return replace(one, data=bytes(data))


def swapped(one: Sealed, other: Sealed, dice: Random) -> Sealed:
    """Let two segments change places, or take one from another recording under the same key."""
    pieces = [one.data[at : at + SEGMENT_BYTES] for at in range(0, len(one.data), SEGMENT_BYTES)]
    if len(pieces) < 3:
        return flipped(one, other, dice)
    first, second = dice.sample(range(1, len(pieces)), 2)
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return replace(one, data=b"".join(pieces))


def repeated(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Let a segment come twice, or something follow."""
    return replace(one, data=one.data + dice.choice((one.data[-500:], b"\0", dice.randbytes(16))))


def replaced(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Put another recording in its place."""
    return replace(one, data=other.data)


def beheaded(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Give it the beginning of another recording."""
    return replace(one, data=other.data[:40] + one.data[40:])


def under_another_key(one: Sealed, other: Sealed, dice: Random) -> Sealed:  # noqa: ARG001
    """Open it with another recording's key."""
    return replace(one, keyset=other.keyset)


def elsewhere(one: Sealed, other: Sealed, dice: Random) -> Sealed:
    """Open it as somebody else's, as another session's, under another name or as another kind."""
    mine, theirs = one.place, other.place
    all_parties = (
        replace(mine.parties, organization_id=theirs.parties.organization_id),
        replace(mine.parties, patient_id=theirs.parties.patient_id),
    )
    places = (
        *(replace(mine, parties=parties) for parties in all_parties),
        replace(mine, session_id=theirs.session_id),
        replace(mine, name=theirs.name),
        replace(mine, media_type=next(kind for kind in MEDIA_TYPES if kind != mine.media_type)),
    )
    return replace(one, place=dice.choice(places))


ATTACKS: tuple[Attack, ...] = (
    *(cut, cut_between_segments, flipped, swapped, repeated, replaced, beheaded, under_another_key, elsewhere),
)


def main() -> int:
    """Run the proof and return the exit code."""
    return run(sized(CASES_TINY, CASES, CASES_SOAK), seed())


def run(cases: int, number: int) -> int:
    """Attack sealed recordings and wrapped keys, half and half."""
    dice = Random(number)
    recordings = [sealed(dice.randbytes(size), dice) for size in SIZES for _ in range(2)]
    intact = all(opens(one) for one in recordings)
    accepted: Counter[str] = Counter()
    leaked = 0
    for name, attacked in _attacks(recordings, cases // 2, dice):
        accepted[name] += opens(attacked)
        leaked += leaks(attacked)
    wrapped = asyncio.run(_wrapped_keys_opened(cases - cases // 2, dice))
    return proof(
        "crypto",
        intact and not accepted.total() and not wrapped and not leaked,
        cases=cases,
        kinds=len(ATTACKS) + 4,
        accepted=accepted.total() + wrapped,
        wrong_bytes_given_out=leaked,
        intact_open="all" if intact else "NOT ALL",
        seed=number,
    )


def sealed(plain: bytes, dice: Random) -> Sealed:
    """Seal a recording at a place of its own."""
    parties = SessionParties(OrganizationId(new_id()), PatientId(new_id()), TherapistId(new_id()))
    place = Place(parties, SessionId(new_id()), f"{new_id()}/{new_id()}", dice.choice(MEDIA_TYPES))
    keyset = new_keyset()
    return Sealed(keyset, place, plain, Sealer(keyset, place.context).finish(plain))


def opens(one: Sealed) -> bool:
    """Tell whether it opens to its end without a complaint."""
    try:
        return b"".join(unseal_sync(one.keyset, one.place.context, _pieces(one.data))) is not None
    except TamperedError:
        return False


def leaks(one: Sealed) -> bool:
    """Tell whether bytes are given out, before the complaint, that were not sealed at this place."""
    given = b""
    try:
        for piece in unseal_sync(one.keyset, one.place.context, _pieces(one.data)):
            given += piece
    except TamperedError:
        return not one.plain.startswith(given)
    return True


def _attacks(recordings: list[Sealed], cases: int, dice: Random) -> Iterator[tuple[str, Sealed]]:
    small = [one for one in recordings if len(one.data) < SEGMENT_BYTES]
    for number in range(cases):
        attack = ATTACKS[number % len(ATTACKS)]
        # Whole segments are what takes time, so most attacks that need none are made on small ones.
        crowd = recordings if attack in (swapped, cut_between_segments) or not number % 10 else small
        one, other = dice.sample(crowd, 2)
        if attack is replaced and one.plain == other.plain == b"":
            attack = under_another_key
        yield attack.__name__, attack(one, other, dice)


async def _wrapped_keys_opened(cases: int, dice: Random) -> int:
    """Attack wrapped keys; return how many opened."""
    above, another = LocalKey(new_key()), LocalKey(new_key())
    wrapped = [(await above.wrap(new_keyset(), f"recording-{number}".encode()), number) for number in range(20)]
    opened = 0
    for case in range(cases):
        data, number = dice.choice(wrapped)
        context, holder = f"recording-{number}".encode(), above
        match case % 4:
            case 0:
                at = dice.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[: dice.randrange(len(data))]
            case 2:
                context = f"recording-{number + 1}".encode()
            case _:
                holder = another
        try:
            await holder.unwrap(data, context)
        except AppError:
            continue
        opened += 1
    return opened


def _pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), PIECE_BYTES):
        yield data[at : at + PIECE_BYTES]


if __name__ == "__main__":
    sys.exit(main())

"""PROOF upload: what is no recording is refused, every recording is taken, and what is broken is told truly.

    .venv/bin/python -m proofs.recordings.upload            # SIZE=soak for a million, SEED=n to repeat

Mutated files go through the real form, sniff and sealing in this process, and so does a recording that is one byte too
large and does not say so; a sample of everything goes through the real gateway, ingestion, database and store over
HTTP. What is taken is played by the confined child's code: it plays, or fails with a reason, and never crashes or
hangs.
What is refused or fails is also given to a plain player: it must not play it to 95 %.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import httpx

from benchmarks.upload import Uploader as HttpUploader
from benchmarks.upload import recording, serving
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof, seed, sized
from proofs.recordings.bad_files import (
    NEVER_PLAYS,
    Bad,
    Broken,
    any_name,
    bad_requests,
    body_of,
    broken_recordings,
    file_part,
)
from proofs.recordings.good_files import MEDIA_TYPES, SECONDS, encodings, made
from proofs.recordings.mutations import Sent, mutated
from proofs.recordings.player import CRASHED, HUNG, PLAYS, TORN, Player, player
from proofs.recordings.upload_route import UploadRoute
from services.ingestion.domain import FILE_BYTES_MAX
from services.ingestion.tests.ingestion_world import BOUNDARY, END, part
from services.ingestion.upload.accept import UploadHead

MUTATED = 5_000
MUTATED_TINY, MUTATED_SOAK = 200, 1_000_000
HANDMADE_MIN = 100
GOOD_MIN = 60
PLAYED_SHARE = 0.95
TOO_LONG = "recording-too-long"
MUTATION = "mutation"
OVER_HTTP = 40
BASE_BYTES_MAX = 40_000
LARGE_CPU_S = 60.0
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Tally:
    """What became of the requests; `wrong` names those that must not have ended so.

    `played` counts what the child said of what was taken, `playable` what was refused and plays all the same.
    """

    bad: Counter[str] = field(default_factory=Counter)
    uploads: Counter[str] = field(default_factory=Counter)
    played: Counter[str] = field(default_factory=Counter)
    playable: int = 0
    untrue: int = 0
    """Recordings broken by hand of which something else was said than what is wrong with them."""
    good: Counter[str] = field(default_factory=Counter)
    http: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def note(self, kind: Counter[str], name: str, found: str, wanted: str) -> None:
        """Count one."""
        kind[found] += 1
        if found != wanted:
            self.wrong.append(f"{name}: {found}")


def main() -> int:
    """Run the proof and return the exit code."""
    if sized(True, False, False):
        return run(None, MUTATED_TINY, seed())
    with infrastructure.throwaway() as infra:
        return run(infra, sized(0, MUTATED, MUTATED_SOAK), seed())


def run(infra: Infra | None, mutations: int, number: int) -> int:
    """Prove it in this process and, where there are servers, over them."""
    started = time.monotonic()
    tally = Tally()
    good = [Sent(one.name, MEDIA_TYPES[one.extension], made(one)) for one in encodings()]
    fields = {"patient_id": _ID, "therapist_id": _ID, "session_date": "2026-11-24T10:00:00Z"}
    handmade = list(bad_requests(fields, _simple(good)))
    broken = list(broken_recordings(_simple(good)))
    with player() as plays:
        trial = Trial(tally, UploadRoute(), plays)
        named = [*good, *any_name(good[0])]
        asyncio.run(trial.run(named, handmade, broken))
        asyncio.run(trial.mutated(_mutations(_bases(good), mutations, Random(number))))
        trial.check_kept()
    if infra is not None:
        with serving(infra) as route:
            _over_http(tally, good, route, Random(number))
    for line in tally.wrong[:20]:
        sys.stderr.write(f"{line}\n")
    return _say(tally, (mutations, len(handmade) + len(broken), len(named)), number, time.monotonic() - started)


def _say(tally: Tally, sizes: tuple[int, int, int], number: int, seconds: float) -> int:
    mutations, handmade, good = sizes
    uploads = tally.bad + tally.uploads
    crashes = sum(count for kind, count in uploads.items() if kind not in ("accepted", "refused", "hung"))
    crashes += sum(count for kind, count in tally.played.items() if kind.startswith(CRASHED))
    whole = uploads.total() == mutations + handmade + 1 and handmade >= HANDMADE_MIN and good >= GOOD_MIN
    plays = tally.played[PLAYS] + tally.played[TORN]
    return proof(
        "upload",
        whole and not tally.wrong,
        mutated=mutations,
        handmade=handmade,
        too_large=1,
        accepted=tally.bad["accepted"],
        crashes=crashes,
        hangs=uploads["hung"] + tally.played[HUNG],
        refused=tally.uploads["refused"],
        plays=plays,
        failed=tally.played.total() - plays,
        playable_refused=tally.playable,
        untrue=tally.untrue,
        good=good,
        refused_good=tally.good.total() - tally.good["accepted"],
        over_http=tally.http.total(),
        wrong_over_http=tally.http["wrong"],
        slowest_ms=round(tally.slowest_s * 1000),
        seed=number,
        seconds=round(seconds, 1),
    )


class Trial:
    """Uploads files, and gives what is taken to the player."""

    def __init__(self, tally: Tally, route: UploadRoute, plays: Player) -> None:
        self._tally = tally
        self._route = route
        self._plays = plays
        self._taken = 0

    async def run(self, good: Sequence[Sent], handmade: Sequence[Bad], broken: Sequence[Broken]) -> None:
        """Try what is good, what must be refused, and what is broken by hand."""
        for sent in good:
            found = await self._upload(sent)
            played = self._plays.verdict(sent.data).outcome if found == "accepted" else found
            self._tally.note(self._tally.good, sent.filename, "accepted" if played == PLAYS else played, "accepted")
        for bad in handmade:
            self._tally.note(self._tally.bad, bad.name, await self._route.tries(bad.content_type, bad.body), "refused")
        self._tally.note(self._tally.bad, "one byte too many", await _too_large(self._route), "refused")
        for one in broken:
            outcome = await self._outcome(one.name, one.sent)
            if one.may is not None and outcome not in one.may:
                self._tally.untrue += 1
                self._tally.wrong.append(f"{one.name}: {outcome}")

    async def mutated(self, files: Iterator[tuple[str, Sent]]) -> None:
        """Try what was broken by dice."""
        for name, sent in files:
            started = time.perf_counter()
            await self._outcome(f"{name} {sent.filename}", sent)
            self._tally.slowest_s = max(self._tally.slowest_s, time.perf_counter() - started)

    def check_kept(self) -> None:
        """Note it if anything of a refused file was kept."""
        if not self._taken == len(self._route.kept) == len(self._route.rows):
            self._tally.wrong.append("something of a refused file was kept")

    async def _outcome(self, name: str, sent: Sent) -> str:
        """Return what becomes of a file that may be refused, fail or play, and note what may not be."""
        found = await self._upload(sent)
        self._tally.uploads[found] += 1
        verdict = self._plays.verdict(sent.data, plain=found != "accepted")
        if found == "accepted":
            self._tally.played[verdict.outcome] += 1
            found = verdict.outcome
        plays = found in (PLAYS, TORN, TOO_LONG) or _is_two_kinds(sent.data)
        if not plays and verdict.plain_s >= PLAYED_SHARE * SECONDS:
            self._tally.playable += 1
            self._tally.wrong.append(f"{name}: {found}, and a player plays {verdict.plain_s:.2f} s of it")
        if found == HUNG or found.startswith(CRASHED) or found not in _ENDS:
            self._tally.wrong.append(f"{name}: {found}")
        return found

    async def _upload(self, sent: Sent) -> str:
        found = await self._route.tries(FORM, body_of(_FIELDS, sent))
        self._taken += found == "accepted"
        return found


_ENDS = {"refused", PLAYS, TORN, TOO_LONG, *NEVER_PLAYS}


def _is_two_kinds(data: bytes) -> bool:
    """Return True for a recording that is also an archive or a document, which is refused although it plays."""
    return b"PK\x05\x06" in data[-100:] or b"%%EOF" in data[-100:]


async def _too_large(route: UploadRoute) -> str:
    """Stream a good recording that is one byte too large, under a head that tells no size."""

    async def body() -> AsyncIterator[bytes]:
        yield b"".join(part(name, value.encode()) for name, value in _FIELDS.items())
        yield file_part(Sent("session.wav", "audio/wav", b""))
        for piece in recording(FILE_BYTES_MAX + 1):
            yield piece
        yield END

    return await route.streams(UploadHead(FORM), body(), LARGE_CPU_S)


def _over_http(tally: Tally, good: Sequence[Sent], route: HttpUploader, dice: Random) -> None:
    fields = {
        "patient_id": route.patient_id,
        "therapist_id": route.therapist_id,
        "session_date": "2026-11-24T10:00:00Z",
    }
    small = [bad for bad in bad_requests(fields, _simple(good)) if len(bad.body) < 1 << 20]
    sample = dice.sample(small, OVER_HTTP)
    broken = _mutations(_bases(good), OVER_HTTP, dice)
    sample += [Bad(f"{MUTATION} {name} {sent.filename}", body_of(fields, sent)) for name, sent in broken]
    with httpx.Client(base_url=route.base_url, timeout=60, trust_env=False) as client:
        for bad in sample:
            status = _post(client, route, bad.content_type, bad.body)
            # What is broken and begins like a recording is taken, and fails later.
            may = status == 202 and bad.name.startswith(MUTATION)
            tally.note(tally.http, f"{bad.name} over HTTP ({status})", _as_word(may or 400 <= status < 500), "right")
        for sent in good:
            status = _post(client, route, FORM, body_of(fields, sent))
            tally.note(tally.http, f"{sent.filename} over HTTP ({status})", _as_word(status == 202), "right")


def _as_word(right: bool) -> str:
    return "right" if right else "wrong"


def _post(client: httpx.Client, route: HttpUploader, content_type: str, body: bytes) -> int:
    headers = {**route.headers, "Content-Type": content_type}
    return client.post(f"{route.path}/sessions", content=body, headers=headers).status_code


def _mutations(bases: Sequence[Sent], count: int, dice: Random) -> Iterator[tuple[str, Sent]]:
    for _ in range(count):
        yield mutated(dice.choice(bases), dice)


def _bases(good: Sequence[Sent]) -> Sequence[Sent]:
    """Return the small ones that know their own length: what streamed may end anywhere and still be whole."""
    open_ended = ("live", "writexing0", "frag")
    small = [sent for sent in good if len(sent.data) < BASE_BYTES_MAX]
    return [sent for sent in small if not any(word in sent.filename for word in open_ended)]


def _simple(good: Sequence[Sent]) -> Mapping[str, Sent]:
    """Return the first, smallest recording of each kind."""
    found: dict[str, Sent] = {}
    for sent in sorted(_bases(good), key=lambda one: len(one.data)):
        found.setdefault(sent.extension, sent)
    return found


_ID = "0192f0c0-0000-7000-8000-000000000001"
_FIELDS = {"patient_id": _ID, "therapist_id": _ID, "session_date": "2026-11-24T10:00:00Z"}

if __name__ == "__main__":
    sys.exit(main())

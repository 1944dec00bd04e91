"""PROOF upload: what is no recording is refused, whatever it calls itself, and every recording is taken.

    .venv/bin/python -m proofs.recordings.upload            # SIZE=soak for a million, SEED=n to repeat

Mutated files go through the real form, validation and sealing in this process, and so does a recording that is one
byte too large and does not say so; a sample of everything goes through the real gateway, ingestion, database and store
over HTTP.
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
from proofs.recordings.bad_files import Bad, bad_requests, body_of, file_part
from proofs.recordings.good_files import MEDIA_TYPES, encodings, made
from proofs.recordings.mutations import Sent, mutated
from proofs.recordings.upload_route import UploadRoute
from services.ingestion.domain import FILE_BYTES_MAX
from services.ingestion.tests.ingestion_world import BOUNDARY, END, part
from services.ingestion.upload.accept import UploadHead

MUTATED = 5_000
MUTATED_TINY, MUTATED_SOAK = 200, 1_000_000
HANDMADE_MIN = 100
GOOD_MIN = 40
OVER_HTTP = 40
BASE_BYTES_MAX = 40_000
LARGE_CPU_S = 60.0
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Tally:
    """What became of the requests; `wrong` names those that must not have ended so."""

    bad: Counter[str] = field(default_factory=Counter)
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
    asyncio.run(_in_process(tally, good, handmade, (mutations, number)))
    if infra is not None:
        with serving(infra) as route:
            _over_http(tally, good, route, Random(number))
    for line in tally.wrong[:20]:
        sys.stderr.write(f"{line}\n")
    return _say(tally, (mutations, len(handmade), len(good)), number, time.monotonic() - started)


def _say(tally: Tally, sizes: tuple[int, int, int], number: int, seconds: float) -> int:
    mutations, handmade, good = sizes
    crashes = sum(count for kind, count in tally.bad.items() if kind not in ("accepted", "refused", "hung"))
    whole = tally.bad.total() == mutations + handmade + 1 and handmade >= HANDMADE_MIN and good >= GOOD_MIN
    return proof(
        "upload",
        whole and not tally.wrong,
        mutated=mutations,
        handmade=handmade,
        too_large=1,
        accepted=tally.bad["accepted"],
        crashes=crashes,
        hangs=tally.bad["hung"],
        good=good,
        refused_good=tally.good.total() - tally.good["accepted"],
        over_http=tally.http.total(),
        wrong_over_http=tally.http["wrong"],
        slowest_ms=round(tally.slowest_s * 1000),
        seed=number,
        seconds=round(seconds, 1),
    )


async def _in_process(tally: Tally, good: Sequence[Sent], handmade: Sequence[Bad], run: tuple[int, int]) -> None:
    mutations, number = run
    route = UploadRoute()
    for sent in good:
        tally.note(tally.good, sent.filename, await route.tries(FORM, body_of(_FIELDS, sent)), "accepted")
    taken = len(route.kept)
    for bad in handmade:
        tally.note(tally.bad, bad.name, await route.tries(bad.content_type, bad.body), "refused")
    tally.note(tally.bad, "one byte too many", await _too_large(route), "refused")
    for name, sent in _mutations(_bases(good), mutations, Random(number)):
        started = time.perf_counter()
        tally.note(tally.bad, f"{name} {sent.filename}", await route.tries(FORM, body_of(_FIELDS, sent)), "refused")
        tally.slowest_s = max(tally.slowest_s, time.perf_counter() - started)
    if not taken == len(route.kept) == len(route.rows) == len(good):
        tally.wrong.append("something of a refused file was kept")


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
    sample += [Bad(f"{name} {sent.filename}", body_of(fields, sent)) for name, sent in broken]
    with httpx.Client(base_url=route.base_url, timeout=60, trust_env=False) as client:
        for bad in sample:
            status = _post(client, route, bad.content_type, bad.body)
            tally.note(tally.http, f"{bad.name} over HTTP ({status})", _as_word(400 <= status < 500), "right")
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

"""What sealing a stream promises: the same bytes come out, or nothing does."""

import os
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.objects.sealed_stream import (
    SEGMENT_BYTES,
    Sealer,
    TamperedError,
    new_keyset,
    seal,
    unseal,
    unseal_sync,
)

CONTEXT = b"tenant|person|item|object|audio/mpeg"
PLAIN = os.urandom(3 * SEGMENT_BYTES + 12_345)


async def _chunks(data: bytes, size: int = 300_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def _sealed(keyset: bytes, plain: bytes = PLAIN) -> bytes:
    return b"".join([part async for part in seal(keyset, CONTEXT, _chunks(plain))])


async def _opened(keyset: bytes, sealed: bytes, context: bytes = CONTEXT) -> bytes:
    return b"".join([part async for part in unseal(keyset, context, _chunks(sealed))])


@pytest.mark.parametrize("size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, 2 * SEGMENT_BYTES + 7])
async def test_what_is_sealed_opens_to_the_same_bytes(size: int) -> None:
    keyset = new_keyset()

    opened = await _opened(keyset, await _sealed(keyset, PLAIN[:size]))

    assert opened == PLAIN[:size]


async def test_a_thread_or_a_child_process_can_open_without_a_loop() -> None:
    keyset = new_keyset()
    sealed = await _sealed(keyset)

    opened = b"".join(unseal_sync(keyset, CONTEXT, [sealed[:700], sealed[700:2_000_000], sealed[2_000_000:]]))

    assert opened == PLAIN


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=12))
def test_any_cutting_into_pieces_opens_to_their_sum(pieces: list[bytes]) -> None:
    keyset = new_keyset()
    sealer = Sealer(keyset, CONTEXT)

    sealed = b"".join([*(sealer.update(piece) for piece in pieces), sealer.finish()])

    assert b"".join(unseal_sync(keyset, CONTEXT, [sealed])) == b"".join(pieces)


def _flip(sealed: bytes) -> bytes:
    middle = len(sealed) // 2
    return sealed[:middle] + bytes([sealed[middle] ^ 1]) + sealed[middle + 1 :]


def _swap(sealed: bytes) -> bytes:
    one, two = sealed[SEGMENT_BYTES : 2 * SEGMENT_BYTES], sealed[2 * SEGMENT_BYTES : 3 * SEGMENT_BYTES]
    return sealed[:SEGMENT_BYTES] + two + one + sealed[3 * SEGMENT_BYTES :]


TAMPERING: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit": _flip,
    "two swapped segments": _swap,
    "a cut inside a segment": lambda sealed: sealed[:-1],
    "a cut between segments": lambda sealed: sealed[: 2 * SEGMENT_BYTES],
    "nothing but the header": lambda sealed: sealed[:40],
    "nothing at all": lambda _: b"",
    "bytes added at the end": lambda sealed: sealed + b"x",
    "a changed header": lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:],
}


async def test_bytes_behind_a_last_segment_that_is_full_are_refused() -> None:
    """Tink itself does not look there (a proof on whole files found it)."""
    keyset = new_keyset()
    full = SEGMENT_BYTES - 40 - 16
    sealed = await _sealed(keyset, PLAIN[:full])

    assert len(sealed) == SEGMENT_BYTES
    assert await _opened(keyset, sealed) == PLAIN[:full]
    with pytest.raises(TamperedError):
        await _opened(keyset, sealed + b"x")
    with pytest.raises(TamperedError):
        list(unseal_sync(keyset, CONTEXT, [sealed, b"x"]))


@pytest.mark.parametrize("kind", TAMPERING)
async def test_a_tampered_stream_is_refused(kind: str) -> None:
    keyset = new_keyset()
    tampered = TAMPERING[kind](await _sealed(keyset))

    with pytest.raises(TamperedError):
        await _opened(keyset, tampered)
    with pytest.raises(TamperedError):
        b"".join(unseal_sync(keyset, CONTEXT, [tampered]))


async def test_a_sealed_stream_refuses_to_open_in_another_context() -> None:
    keyset = new_keyset()
    sealed = await _sealed(keyset)

    with pytest.raises(TamperedError):
        await _opened(keyset, sealed, context=b"another person")


async def test_another_key_is_refused() -> None:
    sealed = await _sealed(new_keyset())

    with pytest.raises(TamperedError):
        await _opened(new_keyset(), sealed)


async def test_an_error_of_the_source_is_raised_as_it_is() -> None:
    keyset = new_keyset()
    sealed = await _sealed(keyset)

    async def breaks() -> AsyncIterator[bytes]:
        yield sealed[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        _ = [part async for part in unseal(keyset, CONTEXT, breaks())]


async def test_a_reader_may_leave_in_the_middle() -> None:
    keyset = new_keyset()
    sealed = await _sealed(keyset)

    stream = unseal(keyset, CONTEXT, _chunks(sealed, 1000))
    first = await anext(stream)
    await stream.aclose()

    assert PLAIN.startswith(first)


async def test_no_plaintext_is_in_the_sealed_bytes() -> None:
    sealed = await _sealed(new_keyset(), b"canary-" * 1000)

    assert b"canary" not in sealed

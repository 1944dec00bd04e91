"""Plays recordings in a sandboxed child process, so that a file that crashes the library only fails its job."""

import asyncio
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.contracts.problems import NO_SOUND, RECORDING_UNREADABLE
from libs.media import child

T = TypeVar("T")
Samples = NDArray[np.int16]
SAMPLE_RATE = child.SAMPLE_RATE
WALL_MAX_S = 1800.0
BLOCK_BYTES_MAX = 64 * 1024 * 1024
REPORT_BYTES_MAX = 4096
_SAMPLES_MAX_BYTES = (child.DURATION_MAX_S + 60) * SAMPLE_RATE * 2
_LENGTH = struct.Struct("<I")
# The library for arithmetic would start a thread for each core, each with memory of its own.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


class Report(BaseModel):
    """What the child says about a recording; it was written by a process that may have been taken over."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    duration_s: float = Field(ge=0, le=child.DURATION_MAX_S + 60)
    is_complete: bool
    is_too_long: bool
    lost_s: float = Field(ge=0)
    lost_packets: int = Field(ge=0)
    damaged_at_s: float | None = Field(ge=0, le=child.DURATION_MAX_S + 60)
    peak: float = Field(ge=0, le=1)
    frames: int = Field(ge=0)
    tracks: int = Field(ge=1, le=child.TRACKS_MAX)


async def play(content: AsyncIterable[bytes], wall_max_s: float = WALL_MAX_S) -> Report:
    """Play a recording in a child and return what it is. Raises as `decoded`."""
    async with _playing(content, "probe") as child_of:
        async for _ in child_of.samples(wall_max_s):
            raise _unreadable()  # none were asked for
        return await child_of.report(wall_max_s)


async def decoded(content: AsyncIterable[bytes], wall_max_s: float = WALL_MAX_S) -> AsyncGenerator[Samples, None]:
    """Yield 16 kHz mono samples as they are decoded in a child; it waits while nobody asks for more.

    The content passes through pipes only and is never written to disk. `wall_max_s` is for each piece, and for the
    content before the first. Raises AppError: NO_SOUND without a sound track, RECORDING_UNREADABLE for any other
    failure of the child; errors of reading `content` propagate.
    """
    async with _playing(content, "decode") as child_of:
        async for samples in child_of.samples(wall_max_s):
            yield samples
        await child_of.report(wall_max_s)


@asynccontextmanager
async def _playing(content: AsyncIterable[bytes], mode: Literal["probe", "decode"]) -> AsyncIterator["_Child"]:
    process = await _started(mode)
    feeding = asyncio.create_task(_feed(process, content))
    child_of = _Child(process, feeding)
    try:
        yield child_of
    finally:
        if process.returncode is None:
            process.kill()
            # What it wrote and nobody asked for: asyncio takes a process for ended only when its output is read.
            while await child_of.skipped():
                pass
            await process.wait()
        feeding.cancel()
        # What it raised was raised to whoever asked for the report, or is not why this ends.
        await asyncio.gather(feeding, return_exceptions=True)


class _Child:
    """A child at work, and the task that feeds it."""

    def __init__(self, process: asyncio.subprocess.Process, feeding: asyncio.Task[None]) -> None:
        assert process.stdout is not None
        self._process = process
        self._feeding = feeding
        self._out = process.stdout

    async def samples(self, wall_max_s: float) -> AsyncIterator[Samples]:
        """Yield what the child writes before its report, or before it exits."""
        size = 0
        while block := await _in_time(self._block(), wall_max_s):
            size += len(block)
            if size > _SAMPLES_MAX_BYTES:
                raise _unreadable()
            yield np.frombuffer(block, dtype="<i2", count=len(block) // 2)

    async def report(self, wall_max_s: float) -> Report:
        """Return the report. Raises what `content` raised, or why there is none."""
        report = await _in_time(self._out.read(REPORT_BYTES_MAX), wall_max_s)
        await _in_time(asyncio.shield(self._feeding), wall_max_s)
        code = await _in_time(self._process.wait(), wall_max_s)
        if code != 0:
            get_logger().warning("decoder.failed", status=code)
            raise AppError(NO_SOUND, NO_SOUND.doc) if code == child.NO_TRACK else _unreadable()
        try:
            return Report.model_validate_json(report)
        except ValidationError:
            raise _unreadable() from None

    async def skipped(self) -> int:
        """Throw away some of what the child wrote; return how much, 0 at the end."""
        return len(await self._out.read(BLOCK_BYTES_MAX))

    async def _block(self) -> bytes:
        try:
            size = _LENGTH.unpack(await self._out.readexactly(_LENGTH.size))[0]
            if size > BLOCK_BYTES_MAX:
                raise _unreadable()
            return await self._out.readexactly(size)
        except asyncio.IncompleteReadError:
            return b""  # the child has exited; its exit code tells why


async def _in_time(reading: Awaitable[T], wall_max_s: float) -> T:
    try:
        async with asyncio.timeout(wall_max_s):
            return await reading
    except TimeoutError as error:
        raise AppError(RECORDING_UNREADABLE, "Decoding the recording took too long.") from error


async def _started(mode: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(Path(child.__file__)),
        mode,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # The library's messages may quote the file.
        stderr=asyncio.subprocess.DEVNULL,
        # No variable of the service, and so no secret of it, in a process that parses what strangers sent.
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


async def _feed(process: asyncio.subprocess.Process, content: AsyncIterable[bytes]) -> None:
    assert process.stdin is not None
    try:
        async with aclosing(cast("AsyncGenerator[bytes, None]", aiter(content))) as blocks:
            async for block in blocks:
                process.stdin.write(block)
                await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # the child has exited; its exit code tells why
    finally:
        process.stdin.close()


def _unreadable() -> AppError:
    return AppError(RECORDING_UNREADABLE, RECORDING_UNREADABLE.doc)

"""Plays recordings in a sandboxed child process, so that a file that crashes the library only fails its job."""

import asyncio
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.contracts.problems import NO_SOUND, RECORDING_UNREADABLE
from libs.media import child

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


@dataclass(frozen=True)
class Played:
    """A report, and the samples if they were asked for."""

    report: Report
    samples: Samples


async def play(
    content: AsyncIterable[bytes], mode: Literal["probe", "decode"], wall_max_s: float = WALL_MAX_S
) -> Played:
    """Play a recording in a child. The content passes through pipes only and is never written to disk.

    Raises AppError: NO_SOUND without a sound track, RECORDING_UNREADABLE for any other failure of the child; errors of
    reading `content` propagate.
    """
    process = await _started(mode)
    try:
        async with asyncio.timeout(wall_max_s):
            _, output = await asyncio.gather(_feed(process, content), _collect(process))
            code = await process.wait()
    except TimeoutError as error:
        raise AppError(RECORDING_UNREADABLE, "Decoding the recording took too long.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        get_logger().warning("decoder.failed", status=code)
        raise AppError(NO_SOUND, NO_SOUND.doc) if code == child.NO_TRACK else _unreadable()
    samples, report = output
    try:
        return Played(Report.model_validate_json(report), samples)
    except ValidationError:
        raise _unreadable() from None


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


async def _collect(process: asyncio.subprocess.Process) -> tuple[Samples, bytes]:
    assert process.stdout is not None
    pieces = bytearray()
    try:
        while size := _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))[0]:
            if size > BLOCK_BYTES_MAX or len(pieces) + size > _SAMPLES_MAX_BYTES:
                raise _unreadable()
            pieces += await process.stdout.readexactly(size)
    except asyncio.IncompleteReadError:
        return np.zeros(0, np.int16), b""  # the child has exited; its exit code tells why
    return np.frombuffer(pieces, dtype="<i2", count=len(pieces) // 2), await process.stdout.read(REPORT_BYTES_MAX)


def _unreadable() -> AppError:
    return AppError(RECORDING_UNREADABLE, RECORDING_UNREADABLE.doc)

"""Decodes recordings in a sandboxed child process, so that a file that crashes the decoder only fails its job."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.contracts.problems import RECORDING_UNREADABLE
from services.transcriber.ports import ByteSource
from services.transcriber.vendors import local_decode_child

Samples = NDArray[np.int16]
SAMPLE_RATE = local_decode_child.SAMPLE_RATE
WALL_MAX_S = 1800.0
DURATION_MAX_S = 4 * 3600 + 60
"""Slightly above the longest recording that ingestion accepts; more samples than this are an attack."""
_READ_BYTES = 1024 * 1024
_BYTES_MAX = DURATION_MAX_S * SAMPLE_RATE * 2
_SILENT = "The recording has no audio."
_UNREADABLE = "The recording cannot be decoded."


async def decoded(content: ByteSource, wall_max_s: float = WALL_MAX_S) -> Samples:
    """Return 16 kHz mono samples. The content passes through pipes only and is never written to disk.

    Raises AppError(RECORDING_UNREADABLE) for any failure of the child; errors of reading `content` propagate.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(Path(local_decode_child.__file__)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # The library's messages may quote the file.
        stderr=asyncio.subprocess.DEVNULL,
        # No variable of the service, and so no secret of it, in a process that parses what strangers sent.
        env={},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(wall_max_s):
            _, samples = await asyncio.gather(_feed(child, content), _collect(child))
            code = await child.wait()
    except TimeoutError as error:
        raise AppError(RECORDING_UNREADABLE, "Decoding the recording took too long.") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if code != 0:
        get_logger().warning("decoder.failed", status=code)
        raise AppError(RECORDING_UNREADABLE, _SILENT if code == local_decode_child.SILENT else _UNREADABLE)
    return samples


async def _feed(child: asyncio.subprocess.Process, content: ByteSource) -> None:
    assert child.stdin is not None
    try:
        async with aclosing(aiter(content)) as blocks:
            async for block in blocks:
                child.stdin.write(block)
                await child.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # the child has exited; its exit code tells why
    finally:
        child.stdin.close()


async def _collect(child: asyncio.subprocess.Process) -> Samples:
    assert child.stdout is not None
    pieces = bytearray()
    while block := await child.stdout.read(_READ_BYTES):
        pieces += block
        if len(pieces) > _BYTES_MAX:
            raise AppError(RECORDING_UNREADABLE, "The recording is longer than the limit.")
    return np.frombuffer(pieces, dtype="<i2", count=len(pieces) // 2)

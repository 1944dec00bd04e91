"""Plays thousands of broken recordings in the confined child's code, each in a process of its own.

The process reads files from standard input (a length and a flag, then bytes) and writes a line
of JSON for each: how the process ended, its report, and how much a plain player, without limits and lists, plays of it.
A fork of a process that has loaded the library takes milliseconds, where a new child takes a fifth of a second.
"""

import io
import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import av
from pydantic import ValidationError

from libs.common.errors import AppError
from libs.contracts.problems import NO_SOUND, RECORDING_TOO_LONG, RECORDING_UNREADABLE
from libs.media import child
from libs.media.recording import probe_of
from libs.media.sandbox import Report

HANG_CPU_S = 5
_LENGTH = struct.Struct("<I")
_REQUEST = struct.Struct("<I?")
PLAYS, TORN, CRASHED, HUNG = "plays", "torn", "crashed", "hung"
_CODES = {child.NO_TRACK: NO_SOUND.slug, child.UNREADABLE: RECORDING_UNREADABLE.slug, -24: HUNG, -9: HUNG}


@dataclass(frozen=True)
class Verdict:
    """What became of a recording (a problem slug, or one of the words above), and what a plain player plays of it."""

    outcome: str
    plain_s: float


class Player:
    """The process that plays, from this side."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def verdict(self, data: bytes, plain: bool = False) -> Verdict:
        """Have a recording played; with `plain` by a plain player also if it plays."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(_REQUEST.pack(len(data), plain) + data)
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Verdict(_outcome(answer["code"], answer["report"]), answer["plain_s"])


@contextmanager
def player() -> Iterator[Player]:
    """Start the process that plays, and end it."""
    command = [sys.executable, "-c", "from proofs.recordings.player import serve; serve()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Player(process)
        assert process.stdin is not None
        process.stdin.close()


def _outcome(code: int, report: str) -> str:
    if code != 0:
        return _CODES.get(code, f"{CRASHED} ({code})")
    try:
        found = probe_of(Report.model_validate_json(report))
    except AppError as error:
        return error.problem.slug
    except ValidationError:
        return f"{CRASHED} (no report)"
    if found.refusal is not None:
        return found.refusal.problem.slug
    return PLAYS if found.is_complete else TORN


def _forked(act: Callable[[io.FileIO], int]) -> tuple[int, bytes]:
    """Run something in a fork; return its exit code and what it wrote."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (HANG_CPU_S, HANG_CPU_S))
        code = 1
        try:
            code = act(io.FileIO(writer, "wb"))
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        written = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written


def _confined(data: bytes, out: io.FileIO) -> int:
    # Confined as in production, but for the processor's time, which a hang is told by.
    child.CPU_MAX_S = HANG_CPU_S
    child.confine()
    return child.answer(io.BytesIO(data), "probe", out)


def _plain(data: bytes, out: io.FileIO) -> int:
    """Write how many seconds of the first sound track can be decoded."""
    seconds = 0.0
    with av.open(io.BytesIO(data), mode="r") as container:
        for packet in container.demux(container.streams.audio[0]):
            try:
                seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
            except av.error.FFmpegError:
                continue
    out.write(json.dumps(seconds).encode())
    return 0


def serve() -> None:
    """Play what comes on standard input, to its end."""
    child.load()
    while head := sys.stdin.buffer.read(_REQUEST.size):
        data = sys.stdin.buffer.read(_REQUEST.unpack(head)[0])
        code, report = _forked(lambda out, data=data: _confined(data, out))  # type: ignore[misc]
        answer: dict[str, Any] = {"code": code, "report": report[_LENGTH.size :].decode(), "plain_s": 0.0}
        # Asked only about what does not play: it is the slower half, and takes seconds for hours of sound.
        if head[-1] or _outcome(code, answer["report"]) not in (PLAYS, TORN, RECORDING_TOO_LONG.slug):
            plain_code, plain = _forked(lambda out, data=data: _plain(data, out))  # type: ignore[misc]
            answer["plain_s"] = json.loads(plain) if plain_code == 0 and plain else 0.0
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

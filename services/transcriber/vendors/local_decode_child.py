"""Decoder child process: reads a recording from standard input and writes samples to standard output.

Malicious files attack media libraries, so local_decoder.py runs this as a separate script: without project imports,
with an empty environment, with limits set before the first byte is parsed, and without a file descriptor left for
files or sockets. Output: 16 kHz mono signed 16-bit samples.
Exit codes: 0 done, 3 not decodable as audio, 4 no audio; anything else is a crash.
"""

import contextlib
import ctypes
import io
import os
import resource
import sys

import av
import av.audio
import av.container
import av.error

MEMORY_MAX_BYTES = 2 * 1024**3
CPU_MAX_S = 900
SAMPLE_RATE = 16_000
INPUT_BLOCK_BYTES = 1024 * 1024
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38
FORMATS = "mp3,wav,mov,mp4,m4a,matroska,webm,ogg,flac,aac"
UNREADABLE, SILENT = 3, 4


def confine() -> None:
    """Drop all resources except limited memory and CPU time, and the three open descriptors."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))
    # A core file would be the recording, in plain.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # macOS supports neither
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(
            CLONE_NEWUSER | CLONE_NEWNET
        )  # if it is not permitted, the limit on descriptors below still applies
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Last: after this nothing can be opened, not even by what confines it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def decode(source: io.BytesIO, out: io.FileIO) -> int:
    """Write all samples of the first audio track; return their number."""
    count = 0
    # No playlists, no protocols, no references: a media file may name others, on this machine or elsewhere.
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "", "enable_drefs": "0"}
    with av.open(source, mode="r", container_options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return 0
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for frame in _frames(container):
            frame.pts = None
            for piece in resampler.resample(frame):
                count += _write(out, piece)
        for piece in resampler.resample(None):
            count += _write(out, piece)
    return count


def _frames(container: "av.container.InputContainer"):  # type: ignore[no-untyped-def]
    for packet in container.demux(container.streams.audio[0]):
        # Corrupt packets are skipped, as players do.
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _write(out: io.FileIO, piece: "av.audio.AudioFrame") -> int:
    samples = piece.to_ndarray().tobytes()
    view = memoryview(samples)
    while view:
        view = view[out.write(view) :]
    return len(samples) // 2


def main() -> int:
    """Drop privileges, read the recording, and decode it; return the exit code."""
    out = os.fdopen(1, "wb", buffering=0)
    confine()
    source = io.BytesIO()
    with os.fdopen(0, "rb", buffering=0) as standard_input:
        while block := standard_input.read(INPUT_BLOCK_BYTES):
            source.write(block)
    source.seek(0)
    try:
        return 0 if decode(source, out) else SILENT
    except (av.error.FFmpegError, ValueError, EOFError):
        return UNREADABLE


if __name__ == "__main__":
    sys.exit(main())

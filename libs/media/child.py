"""Media child process: reads a recording from standard input, plays it, and writes samples and a report.

Malicious files attack media libraries, so sandbox.py runs this as a separate script: without project imports, with an
empty environment, with limits set before the first byte is parsed, and without a file descriptor left for files or
sockets. `child.py probe` writes the report only, `child.py decode` also 16 kHz mono signed 16-bit samples.
Output: blocks of a length (4 bytes, little endian) and so many bytes of samples; a length of 0, then the report (JSON).
Exit codes: 0 a report was written, 3 not decodable, 4 no sound track or nothing in it; anything else is a crash.
"""

import ctypes
import importlib
import io
import json
import os
import pkgutil
import resource
import struct
import sys
from collections.abc import Iterable
from typing import Any

import av
import av.audio
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray

MEMORY_MAX_BYTES = 2 * 1024**3
CPU_MAX_S = 900
SAMPLE_RATE = 16_000
DURATION_MAX_S = 4 * 3600 + 60
"""Slightly above the longest recording that is taken: what is longer is not played to its end."""
HOLE_MIN_S = 0.1
"""Timestamps of recorders tremble by less than this; a larger step is silence, or a clock that was set back."""
HOLE_MAX_S = 600.0
"""A longer hole is a broken clock and is closed, unless the declared length has room for it."""
TRACKS_MAX = 16
TORN_MIN_S = 0.5
"""Less than this may be missing at the end: encoders and containers round and pad differently."""
INVERTED_BELOW = -0.5
"""A channel whose correlation with the loudest one is below this would cancel it in a sum, so it is left out."""
CORRELATION_S = 1.0
INPUT_BLOCK_BYTES = 1024 * 1024
XING_WITHIN_BYTES = 4096
MPEG1_RATE_MIN, RIFF_UNKNOWN = 32_000, 0x7FFF0000
"""Recorders that stream write the second or more as a size; no file that is taken is that large."""
CLONE_NEWUSER, CLONE_NEWNET, PR_SET_NO_NEW_PRIVS = 0x10000000, 0x40000000, 38
FORMATS = "mp3,wav,w64,mov,mp4,m4a,matroska,webm,ogg,flac,aac,aiff,caf,amr"
ON_A_TIMELINE = ("mov", "matroska")
"""Containers whose times count from the start of the recording; in others the first time is arbitrary."""
ESTIMATED = ("aac", "amr")
"""Containers without a length: the library guesses one from the bit rate."""
UNREADABLE, NO_TRACK = 3, 4

Mono = NDArray[np.int16]


def load() -> None:
    """Load all of the library: parts that it loads when it meets such a stream could not be opened any more."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def confine() -> None:
    """Drop all resources except limited memory and CPU time, and the three open descriptors."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MAX_S, CPU_MAX_S))
    # A core file would be the recording, in plain.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":  # macOS supports neither
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX_BYTES, MEMORY_MAX_BYTES))
        libc = ctypes.CDLL(None, use_errno=True)
        # If it is not permitted, the limit on descriptors below still applies.
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Last: after this nothing can be opened, not even by what confines it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


class Blocks:
    """Writes the samples of the only track as they come: in order and without a hole."""

    def __init__(self, out: io.FileIO) -> None:
        self._out = out

    def add(self, at: int, samples: Mono) -> None:  # noqa: ARG002
        """Write samples."""
        if len(samples):
            write(self._out, struct.pack("<I", samples.nbytes) + samples.tobytes())


class Mix:
    """Adds up several tracks, each at its share, so that all together cannot clip."""

    def __init__(self, tracks: int) -> None:
        self._tracks = tracks
        self._sum = np.zeros(0, np.int16)
        self.length = 0

    def add(self, at: int, samples: Mono) -> None:
        """Add a track's samples."""
        end = at + len(samples)
        if end > len(self._sum):
            self._sum = np.concatenate([self._sum, np.zeros(end * 5 // 4 - len(self._sum), np.int16)])
        self._sum[at:end] += (samples // self._tracks).astype(np.int16)
        self.length = max(self.length, end)

    def write_to(self, blocks: Blocks) -> None:
        """Pass on what was added up."""
        for at in range(0, self.length, INPUT_BLOCK_BYTES):
            blocks.add(at, self._sum[at : min(at + INPUT_BLOCK_BYTES, self.length)])


class Downmix:
    """Turns channels into one without losing what is inverted in one of them."""

    def __init__(self) -> None:
        self._products: NDArray[np.float64] | None = None

    def mono(self, frame: av.AudioFrame) -> av.AudioFrame:
        """Return the frame with one channel."""
        channels = _as_floats(frame)
        kept = self._kept(channels, frame.sample_rate)
        mixed = av.AudioFrame.from_ndarray(channels[kept].mean(axis=0, keepdims=True), format="flt", layout="mono")
        mixed.sample_rate = frame.sample_rate
        return mixed

    def _kept(self, channels: NDArray[np.float32], rate: int) -> NDArray[np.bool_]:
        """Return which channels to add up: all but those that run against the loudest, over about a second."""
        products = (channels @ channels.T).astype(np.float64)
        if self._products is not None and self._products.shape == products.shape:
            products += self._products * np.exp(-channels.shape[1] / (CORRELATION_S * rate))
        self._products = products
        powers = products.diagonal()
        loudest = int(powers.argmax())
        kept: NDArray[np.bool_] = products[loudest] >= INVERTED_BELOW * np.sqrt(powers * powers[loudest])
        # Recorders write channels to which nothing is connected; they would only make the others quieter.
        live: NDArray[np.bool_] = (kept & (powers > 0)) | (np.arange(len(kept)) == loudest)
        return live


def _as_floats(frame: av.AudioFrame) -> NDArray[np.float32]:
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, len(frame.layout.channels)).T
    if data.dtype.kind == "f":
        return np.ascontiguousarray(np.clip(np.nan_to_num(data), -1, 1), np.float32)
    middle, full = _range_of(data.dtype)
    return np.ascontiguousarray((data.astype(np.float32) - middle) / full)


def _range_of(kind: np.dtype[Any]) -> tuple[float, float]:
    """Return where silence is in a kind of sample, and how far it goes from there."""
    if kind.kind == "f":
        return 0.0, 1.0
    return (128.0, 127.0) if kind == np.uint8 else (0.0, 2.0 ** (kind.itemsize * 8 - 1) - 1)


class Track:
    """Plays one sound track by its own timestamps, and measures it."""

    def __init__(self, origin_s: float, fits_until_s: float) -> None:
        self._origin_s = origin_s
        self._fits_until_s = fits_until_s
        self._shift_s = 0.0
        self.played_s = 0.0
        self.frames = 0
        self.peak = 0.0

    def play(self, frame: av.AudioFrame) -> None:
        """Place the frame where its timestamp says, after what was played before."""
        if not frame.samples or not frame.sample_rate or not len(frame.layout.channels):
            return
        self._go_to(frame)
        self.frames += 1
        self.played_s += frame.samples / frame.sample_rate
        self._take(frame)

    def flush(self) -> None:
        """Give what is held back."""

    def _go_to(self, frame: av.AudioFrame) -> None:
        if frame.pts is None or frame.time_base is None:
            return
        at_s = float(frame.pts * frame.time_base) - self._origin_s + self._shift_s
        hole_s = at_s - self.played_s
        if hole_s < -HOLE_MIN_S or (hole_s > HOLE_MAX_S and at_s > self._fits_until_s):
            # A clock that was set back or broke: what was recorded goes on where it stopped, and nothing is lost.
            self._shift_s -= hole_s
        elif hole_s > HOLE_MIN_S:
            self.flush()
            self.played_s = at_s

    def _take(self, frame: av.AudioFrame) -> None:
        data = frame.to_ndarray()
        middle, full = _range_of(data.dtype)
        self.peak = max(self.peak, (float(data.max()) - middle) / full, (middle - float(data.min())) / full)


class Decoded(Track):
    """Turns a sound track into 16 kHz mono."""

    def __init__(self, sink: "Blocks | Mix", origin_s: float, fits_until_s: float) -> None:
        super().__init__(origin_s, fits_until_s)
        self._sink = sink
        self._kind: tuple[Any, ...] | None = None
        self._resampler: Any = None
        self._downmix = Downmix()
        self._written = 0

    def flush(self) -> None:
        """Write what the resampler holds back, and let the next frame begin at its own place."""
        if self._resampler is not None:
            self._resample(None)
            self._resampler = None

    def _take(self, frame: av.AudioFrame) -> None:
        # A joined recording goes on at another rate or in another layout.
        kind = (frame.format.name, len(frame.layout.channels), frame.sample_rate)
        if kind != self._kind:
            self.flush()
            self._kind = kind
        if self._resampler is None:
            self._be_silent(self.played_s - frame.samples / frame.sample_rate)
            self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._resample(frame if len(frame.layout.channels) == 1 else self._downmix.mono(frame))

    def _be_silent(self, until_s: float) -> None:
        until = round(min(until_s, DURATION_MAX_S) * SAMPLE_RATE)
        while self._written < until:
            self._write(np.zeros(min(until - self._written, SAMPLE_RATE * 60), np.int16))

    def _resample(self, frame: av.AudioFrame | None) -> None:
        if frame is not None:
            frame.pts = None
        for piece in self._resampler.resample(frame):
            self._write(piece.to_ndarray().reshape(-1))

    def _write(self, samples: Mono) -> None:
        self._sink.add(self._written, samples)
        self._written += len(samples)


class Playing:
    """One recording while it is played: its tracks, and what could not be played."""

    def __init__(self, container: "av.container.InputContainer", source: io.BytesIO) -> None:
        self._container = container
        self._source = source
        self._streams = list(container.streams.audio)[:TRACKS_MAX]
        self._declared_s: float | None = None
        self._lost: list[tuple[float, float]] = []
        self._is_torn = False
        self._is_too_long = False
        self.tracks: list[Track] = []

    def run(self, blocks: Blocks | None) -> dict[str, Any]:
        """Play everything, into `blocks` if there are any; return the report."""
        self._declared_s = self._declared()
        mix = Mix(len(self._streams)) if blocks and len(self._streams) > 1 else None
        start_s = (self._container.start_time or 0) / av.time_base
        # A sound track that begins late is late, but a clock that did not begin at zero says nothing.
        has_timeline = any(name in self._container.format.name for name in ON_A_TIMELINE)
        origin_s = min(0.0, start_s) if has_timeline and start_s < HOLE_MAX_S else start_s
        fits_until_s = (self._declared_s or 0.0) + TORN_MIN_S
        for _ in self._streams:
            sink = mix or blocks
            self.tracks.append(Decoded(sink, origin_s, fits_until_s) if sink else Track(origin_s, fits_until_s))
        self._play()
        if mix and blocks:
            mix.write_to(blocks)
        return self._report()

    def _play(self) -> None:
        by_index = {stream.index: track for stream, track in zip(self._streams, self.tracks, strict=True)}
        try:
            for packet in self._container.demux(self._streams):
                track = by_index[packet.stream.index]
                for frame in self._frames(packet, track):
                    track.play(frame)
                if track.played_s > DURATION_MAX_S:
                    self._is_too_long = True
                    return
        except (av.error.FFmpegError, EOFError):
            self._is_torn = True
        for track in self.tracks:
            track.flush()

    def _frames(self, packet: "av.Packet[Any]", track: Track) -> Iterable[Any]:
        try:
            return packet.decode()
        except (av.error.FFmpegError, EOFError):
            # Players go on behind what is corrupt, and so do we; how much it was decides what becomes of it.
            if packet.size:
                seconds = float((packet.duration or 0) * (packet.time_base or 0))
                self._lost.append((min(track.played_s, DURATION_MAX_S), seconds))
            return ()

    def _declared(self) -> float | None:
        """Return the length that the file itself tells; None if it tells none."""
        if self._container.format.name == "mp3":
            return self._declared_frames() / (self._streams[0].codec_context.sample_rate or SAMPLE_RATE)
        if self._container.format.name in ESTIMATED:
            return None
        lengths = [float(one.duration * one.time_base) for one in self._streams if one.duration and one.time_base]
        length = max(lengths, default=(self._container.duration or 0) / av.time_base)
        return length * self._missing_riff()

    def _declared_frames(self) -> int:
        """Return the number of samples that the header of an encoder tells (Xing, Info, VBRI); 0 without one."""
        with self._source.getbuffer() as data:
            tag = bytes(data[6:10]) if bytes(data[:3]) == b"ID3" else bytes(4)
            start = sum(byte << shift for byte, shift in zip(tag, (21, 14, 7, 0), strict=False))
            head = bytes(data[start : start + XING_WITHIN_BYTES])
        frame = 1152 if self._streams[0].codec_context.sample_rate >= MPEG1_RATE_MIN else 576
        for name, count in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
            at = head.find(name)
            if at >= 0 and (name == b"VBRI" or head[at + 7 : at + 8] > b"\0"):
                return int.from_bytes(head[at + count : at + count + 4], "big") * frame
        return 0

    def _missing_riff(self) -> float:
        """Return by how much a RIFF says that it is longer than the file; the library counts what is there."""
        with self._source.getbuffer() as data:
            size, declared = len(data), int.from_bytes(data[4:8], "little") + 8
            is_told = bytes(data[:4]) == b"RIFF" and size < declared < RIFF_UNKNOWN
        return declared / size if is_told else 1.0

    def _report(self) -> dict[str, Any]:
        duration_s = round(min(max(track.played_s for track in self.tracks), DURATION_MAX_S), 3)
        missing_s = (self._declared_s or 0.0) - duration_s
        lost_s = sum(seconds for _, seconds in self._lost)
        return {
            "duration_s": duration_s,
            "is_complete": not self._is_torn and missing_s <= TORN_MIN_S and not self._is_too_long,
            "is_too_long": self._is_too_long,
            "lost_s": min(lost_s, float(DURATION_MAX_S)),
            "lost_packets": len(self._lost),
            "damaged_at_s": self._lost[0][0] if self._lost else None,
            "peak": min(max(track.peak for track in self.tracks), 1.0),
            "frames": sum(track.frames for track in self.tracks),
            "tracks": len(self.tracks),
        }


def play(source: io.BytesIO, out: io.FileIO | None) -> dict[str, Any] | None:
    """Play all sound tracks; return the report, None without any."""
    # No playlists, no protocols, no references: a media file may name others, on this machine or elsewhere.
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "", "enable_drefs": "0"}
    with av.open(source, mode="r", container_options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            return None
        return Playing(container, source).run(Blocks(out) if out else None)


def write(out: io.FileIO, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def _received() -> io.BytesIO:
    # In memory and seekable: what many phones write has its index at the end.
    source = io.BytesIO()
    # Left open: a closed descriptor would be a free one, with which something could be opened.
    with os.fdopen(0, "rb", buffering=0, closefd=False) as standard_input:
        while block := standard_input.read(INPUT_BLOCK_BYTES):
            source.write(block)
    source.seek(0)
    return source


def main(mode: str) -> int:
    """Drop privileges, read the recording, and play it; return the exit code."""
    out = os.fdopen(1, "wb", buffering=0)
    load()
    confine()
    return answer(_received(), mode, out)


def answer(source: io.BytesIO, mode: str, out: io.FileIO) -> int:
    """Play the recording and write what was asked for; return the exit code."""
    try:
        report = play(source, out if mode == "decode" else None)
    except EOFError:
        report = None
    except (av.error.FFmpegError, ValueError):
        return UNREADABLE
    if report is None:
        return NO_TRACK
    write(out, struct.pack("<I", 0) + json.dumps(report).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Recordings of every kind that is taken, in the encodings people really have, made with FFmpeg's encoders."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

SECONDS = 1.2


@dataclass(frozen=True)
class Encoding:
    """One way to make a file: its extension, FFmpeg's names for container and codec, and their options."""

    extension: str
    container: str
    codec: str
    rate: int
    channels: int = 1
    bit_rate: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    video: str | None = None

    @property
    def name(self) -> str:
        """Return a file name that tells how it was made."""
        extra = "-".join(f"{key}{value}" for key, value in self.options.items()).replace("+", "").replace("_", "")
        words = (self.codec, str(self.rate), f"{self.channels}ch", str(self.bit_rate or ""), self.video or "", extra)
        return f"{'-'.join(filter(None, words))}.{self.extension}"


MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "mkv": "video/x-matroska",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "caf": "audio/x-caf",
    "w64": "audio/wav",
}


def encodings() -> Iterator[Encoding]:
    """Yield them all, more than forty."""
    for rate, channels, bit_rate in (
        *((8000, 1, 8000), (11025, 1, 16000), (16000, 1, 24000), (22050, 1, 32000), (24000, 1, 64000)),
        *((32000, 2, 96000), (44100, 1, 64000), (44100, 2, 128000), (48000, 2, 192000), (48000, 2, 320000)),
    ):
        yield Encoding("mp3", "mp3", "libmp3lame", rate, channels, bit_rate)
    yield Encoding("mp3", "mp3", "libmp3lame", 44100, 2, None, {"write_id3v1": "1"})
    yield Encoding("mp3", "mp3", "libmp3lame", 44100, 1, 64000, {"write_xing": "0"})
    for codec in ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"):
        yield Encoding("wav", "wav", codec, 16000)
    yield Encoding("wav", "wav", "adpcm_ima_wav", 22050)
    yield Encoding("wav", "wav", "adpcm_ms", 22050)
    for rate, channels in ((8000, 1), (44100, 2), (48000, 2), (96000, 1)):
        yield Encoding("wav", "wav", "pcm_s16le", rate, channels)
    for rate, channels in ((16000, 1), (44100, 1), (48000, 2)):
        yield Encoding("m4a", "ipod", "aac", rate, channels, 64000)
    yield Encoding("m4a", "ipod", "aac", 44100, 1, 64000, {"movflags": "+faststart"})
    yield Encoding("m4a", "ipod", "alac", 44100, 1)
    for options in ({}, {"movflags": "+faststart"}, {"movflags": "+frag_keyframe+empty_moov"}):
        yield Encoding("mp4", "mp4", "aac", 44100, 1, 64000, options)
    yield Encoding("mp4", "mp4", "aac", 48000, 2, 96000, {"movflags": "+dash+frag_every_frame+empty_moov"})
    yield Encoding("mp4", "mp4", "aac", 44100, 1, 64000, {}, "libx264")
    yield Encoding("mp4", "mp4", "aac", 44100, 1, 64000, {}, "mpeg4")
    yield Encoding("mp4", "mp4", "libmp3lame", 44100, 1, 64000)
    for channels, bit_rate in ((1, 16000), (1, 32000), (2, 96000)):
        yield Encoding("webm", "webm", "libopus", 48000, channels, bit_rate)
    yield Encoding("webm", "webm", "libopus", 48000, 1, 32000, {"live": "1"})
    yield Encoding("webm", "webm", "libopus", 48000, 1, 32000, {"cluster_time_limit": "200"})
    yield Encoding("webm", "webm", "libopus", 48000, 1, 32000, {"live": "1", "cluster_time_limit": "200"})
    yield Encoding("webm", "webm", "libopus", 48000, 1, 32000, {}, "libvpx")
    yield from _others()


def _others() -> Iterator[Encoding]:
    yield Encoding("mov", "mov", "aac", 44100, 1, 64000)
    yield Encoding("3gp", "3gp", "aac", 44100, 1, 64000)
    yield Encoding("mkv", "matroska", "libopus", 48000, 1, 32000)
    for extension in ("ogg", "opus"):
        yield Encoding(extension, "ogg", "libopus", 48000, 1, 32000)
    yield Encoding("flac", "flac", "flac", 16000)
    yield Encoding("aac", "adts", "aac", 44100, 1, 64000)
    yield Encoding("aiff", "aiff", "pcm_s16be", 16000)
    yield Encoding("caf", "caf", "pcm_s16le", 16000)
    yield Encoding("w64", "w64", "pcm_s16le", 16000)
    yield Encoding("wav", "wav", "pcm_s16le", 16000, options={"rf64": "always"})


def made(encoding: Encoding, seconds: float = SECONDS) -> bytes:
    """Return the file: a tone over a little noise, the same at each call."""
    # A file, because FFmpeg reads what it wrote when it moves an MP4's header to the front.
    with tempfile.NamedTemporaryFile(suffix=f".{encoding.extension}") as file:
        _write(file.name, encoding, seconds)
        return Path(file.name).read_bytes()


def _write(path: str, encoding: Encoding, seconds: float) -> None:
    with av.open(path, "w", format=encoding.container, options=dict(encoding.options)) as out:
        stream: Any = out.add_stream(encoding.codec, rate=encoding.rate)
        stream.layout = "mono" if encoding.channels == 1 else "stereo"
        if encoding.bit_rate:
            stream.bit_rate = encoding.bit_rate
        picture = _picture_stream(out, encoding.video) if encoding.video else None
        for packet in _packets(stream, encoding, seconds):
            out.mux(packet)
        if picture is not None:
            for packet in _picture_packets(picture, seconds):
                out.mux(packet)


def _packets(stream: Any, encoding: Encoding, seconds: float) -> Iterator[Any]:
    total = int(encoding.rate * seconds)
    noise = np.random.default_rng(7).normal(0, 300, total)
    tone = 9000 * np.sin(2 * np.pi * 330 * np.arange(total) / encoding.rate)
    samples = (tone + noise).astype(np.int16)
    wanted = stream.codec_context.format.name
    resampler = av.AudioResampler(format=wanted, layout=stream.layout.name, rate=encoding.rate)
    for start in range(0, total, 1024):
        block = np.repeat(samples[start : start + 1024], encoding.channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=stream.layout.name)
        frame.sample_rate = encoding.rate
        frame.pts = start
        for ready in resampler.resample(frame):
            yield from stream.encode(ready)
    for ready in resampler.resample(None):
        yield from stream.encode(ready)
    yield from stream.encode(None)


def _picture_stream(out: Any, codec: str) -> Any:
    stream = out.add_stream(codec, rate=Fraction(10))
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _picture_packets(stream: Any, seconds: float) -> Iterator[Any]:
    for number in range(int(seconds * 10)):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 20 % 256, np.uint8), format="rgb24")
        frame.pts = number
        yield from stream.encode(frame.reformat(format="yuv420p"))
    yield from stream.encode(None)

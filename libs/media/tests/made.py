"""Recordings made for these tests: small, of tones, with the oddities of real ones."""

import io
import wave
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
Wave = NDArray[np.int16]


async def pieces(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    """Yield it as a store does."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


def tone(seconds: float, rate: int = RATE, hertz: int = 440) -> Wave:
    """Return a tone, at a quarter of full scale."""
    return (8000 * np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * hertz / rate)).astype("<i2")


def wav(samples: Wave, rate: int = RATE, channels: int = 1) -> bytes:
    """Return samples (interleaved) as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return out.getvalue()


@dataclass(frozen=True)
class Part:
    """A stretch of a track: its samples, and when it begins by its timestamps."""

    begins_s: float
    samples: Wave


def encoded(container: str, codec: str, *tracks: Sequence[Part], video_s: float = 0.0) -> bytes:
    """Return a file with these sound tracks, and with a picture of so many seconds."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        streams: list[Any] = [file.add_stream(codec, rate=48_000, layout="mono") for _ in tracks]
        picture = file.add_stream("mpeg4", rate=5) if video_s else None
        if picture is not None:
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
            for _ in range(int(video_s * 5)):
                file.mux(picture.encode(av.VideoFrame(32, 32, "yuv420p")))
            file.mux(picture.encode(None))
        for stream, parts in zip(streams, tracks, strict=True):
            for frame in _frames(parts, stream.codec_context.frame_size or 960, stream.codec_context.format.name):
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    return out.getvalue()


def _frames(parts: Sequence[Part], size: int, sample_format: str) -> list[av.AudioFrame]:
    frames = []
    for part in parts:
        resampler = av.AudioResampler(format=sample_format, layout="mono", rate=48_000, frame_size=size)
        whole = av.AudioFrame.from_ndarray(part.samples[None, :], format="s16", layout="mono")
        whole.sample_rate = RATE
        at = round(part.begins_s * 48_000)
        for piece in (*resampler.resample(whole), *resampler.resample(None)):
            piece.pts, piece.time_base = at, Fraction(1, 48_000)
            at += piece.samples
            frames.append(piece)
    return frames

"""Log mel filter banks as Kaldi computes them (Povey et al., 2011), which is what CAM++ was trained on."""

import numpy as np
from numpy.typing import NDArray

from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.vendors.local_weights import Floats

FULL_SCALE = 32_768.0
"""Of 16-bit samples."""
FRAME = 400
HOP = 160
"""25 ms windows every 10 ms, in samples."""
MELS = 80
LOWEST_HZ = 20
PRE_EMPHASIS = 0.97
_FFT = 512
_EPSILON = float(np.finfo(np.float32).eps)


def filter_banks(samples: Samples) -> Floats:
    """Return the features (frames, 80) of 16 kHz samples, without their mean over time; no frame is padded."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    frames = windows.astype(np.float32) / FULL_SCALE
    frames -= frames.mean(axis=1, keepdims=True)
    frames[:, 1:] -= PRE_EMPHASIS * frames[:, :-1]
    # Kaldi takes the sample before the first to be equal to it.
    frames[:, 0] *= 1 - PRE_EMPHASIS
    spectrum = np.fft.rfft(frames * _WINDOW, _FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    logs = np.log(np.maximum(power @ _FILTERS, _EPSILON))
    # Without the mean a microphone's colour is gone, and with it the gain.
    features: Floats = logs - logs.mean(axis=0)
    return features


def _mel_filters() -> Floats:
    """Return Kaldi's triangular filters (257, 80), straight on the mel scale from 20 Hz to 8 kHz."""
    edges = np.linspace(_mel(LOWEST_HZ), _mel(SAMPLE_RATE / 2), MELS + 2)
    bins = _mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.ascontiguousarray(np.maximum(0, np.minimum(rising, falling)), np.float32)


def _mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log(1 + np.asarray(hz) / 700))


# Povey's window: a Hann window to the power of 0.85.
_WINDOW = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / (FRAME - 1))) ** 0.85).astype(np.float32)
_FILTERS = _mel_filters()

"""Speaker embeddings in numpy: GE2E (Wan et al., 2018) with resemblyzer's weights (Apache-2.0).

The weights are a PyTorch file, which is read without PyTorch by an unpickler that can only build arrays.
For three LSTM layers of 256 units numpy is as fast as an inference runtime, and needs no conversion step.
"""

import collections
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from libs.common.objects.model_files import ModelFile

Floats = NDArray[np.float32]

VOICE_MODEL = ModelFile(
    name="resemblyzer/pretrained.pt",
    package="resemblyzer",
    path="resemblyzer/pretrained.pt",
    sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    licence="Apache-2.0",
)
SAMPLE_RATE = 16_000
FRAME = 400
HOP = 160
MELS = 40
HIDDEN = 256
LAYERS = 3
BATCH = 128
FRAMES_AT_ONCE = 4096
LEVEL_DBFS = -30.0
FULL_SCALE = 32_768.0
"""Of 16-bit samples."""
BLOCK_S = 60
# Slaney's scale: 200/3 Hz a step as far as 1 kHz, then 27 equal ratios that make 6.4 together.
_LINEAR_TO_HZ, _LINEAR_TO_MEL = 1000, 15
_STEPS, _SPAN = 27, 6.4
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_PREAMBLE_PICKLES = 3


class VoiceEncoder:
    """Computes a unit vector per window of sound; vectors of the same voice are close."""

    def __init__(self, weights: Path) -> None:
        state = _read_weights(weights)
        self._layers = [
            (
                np.ascontiguousarray(state[f"lstm.weight_ih_l{n}"].T),
                np.ascontiguousarray(state[f"lstm.weight_hh_l{n}"].T),
                state[f"lstm.bias_ih_l{n}"] + state[f"lstm.bias_hh_l{n}"],
            )
            for n in range(LAYERS)
        ]
        self._linear = np.ascontiguousarray(state["linear.weight"].T)
        self._bias = state["linear.bias"]

    def embed(self, windows: Iterable[Floats]) -> Floats:
        """Return one unit vector per window; windows are mel frames (frames, 40) of equal length."""
        # One thread: for products this small, two threads on busy cores take up to seven times as long.
        with threadpool_limits(1, user_api="blas"):
            return self._embed_all(windows)

    def _embed_all(self, windows: Iterable[Floats]) -> Floats:
        batch: list[Floats] = []
        vectors: list[Floats] = []
        for window in windows:
            batch.append(window)
            if len(batch) == BATCH:
                vectors.append(self._embed(np.stack(batch)))
                batch = []
        if batch:
            vectors.append(self._embed(np.stack(batch)))
        return np.concatenate(vectors) if vectors else np.zeros((0, HIDDEN), np.float32)

    def _embed(self, windows: Floats) -> Floats:
        sequence = np.ascontiguousarray(windows.transpose(1, 0, 2))
        for weights in self._layers:
            sequence = _lstm(sequence, *weights)
        raw = np.maximum(sequence[-1] @ self._linear + self._bias, 0)
        unit: Floats = raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9)
        return unit


def mel_frames(samples: NDArray[np.int16], loudness: float) -> Floats:
    """Return a linear mel power spectrogram (frames, 40) as resemblyzer computes it: 25 ms windows every 10 ms."""
    count = len(samples) // HOP + 1
    mels = np.empty((count, MELS), np.float32)
    for first in range(0, count, FRAMES_AT_ONCE):
        last = min(first + FRAMES_AT_ONCE, count)
        start, end = first * HOP - FRAME // 2, (last - 1) * HOP + FRAME // 2
        piece = samples[max(start, 0) : end].astype(np.float32) * (loudness / FULL_SCALE)
        piece = np.pad(piece, (max(-start, 0), end - max(start, 0) - len(piece)))
        frames = np.lib.stride_tricks.sliding_window_view(piece, FRAME)[::HOP]
        spectrum = np.fft.rfft(frames * _WINDOW, axis=1)
        mels[first:last] = (spectrum.real**2 + spectrum.imag**2) @ _FILTERS
    return mels


def loudness_of(samples: NDArray[np.int16]) -> float:
    """Return the gain that raises a quiet recording to the level the model was trained at."""
    power = sum(float(np.square(block.astype(np.float32)).sum()) for block in _blocks(samples)) / max(len(samples), 1)
    level = 10 * np.log10(max(power, 1e-3) / FULL_SCALE**2)
    return float(10 ** (max(LEVEL_DBFS - level, 0.0) / 20))


def _blocks(samples: NDArray[np.int16]) -> Iterable[NDArray[np.int16]]:
    size = BLOCK_S * SAMPLE_RATE
    return (samples[start : start + size] for start in range(0, len(samples), size))


def _lstm(sequence: Floats, w_input: Floats, w_hidden: Floats, bias: Floats) -> Floats:
    """Run one LSTM layer over (time, batch, features). Gate order as in PyTorch: input, forget, cell, output."""
    steps, batch, _ = sequence.shape
    projected = sequence.reshape(steps * batch, -1) @ w_input + bias
    projected = projected.reshape(steps, batch, 4 * HIDDEN)
    hidden = np.zeros((batch, HIDDEN), np.float32)
    cell = np.zeros((batch, HIDDEN), np.float32)
    out = np.empty((steps, batch, HIDDEN), np.float32)
    for step in range(steps):
        gates = projected[step] + hidden @ w_hidden
        opened = _sigmoid(gates[:, : 2 * HIDDEN])
        cell = opened[:, HIDDEN:] * cell + opened[:, :HIDDEN] * np.tanh(gates[:, 2 * HIDDEN : 3 * HIDDEN])
        hidden = _sigmoid(gates[:, 3 * HIDDEN :]) * np.tanh(cell)
        out[step] = hidden
    return out


def _sigmoid(x: Floats) -> Floats:
    half: Floats = 0.5 * np.tanh(0.5 * x) + np.float32(0.5)
    return half


def _mel_filters() -> Floats:
    """Return triangular filters of equal area on Slaney's mel scale from 0 to 8 kHz (librosa's default)."""
    edges = _to_hz(np.linspace(0.0, float(_to_mel(np.array(SAMPLE_RATE / 2))), MELS + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FRAME // 2 + 1)
    ramps = edges[:, None] - bins[None, :]
    widths = np.diff(edges)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return np.ascontiguousarray(triangles.T, np.float32)


def _to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(
        hz < _LINEAR_TO_HZ,
        hz * 3 / 200,
        _LINEAR_TO_MEL + np.log(np.maximum(hz, 1) / _LINEAR_TO_HZ) * _STEPS / np.log(_SPAN),
    )


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(
        mel < _LINEAR_TO_MEL, mel * 200 / 3, _LINEAR_TO_HZ * np.exp(np.log(_SPAN) / _STEPS * (mel - _LINEAR_TO_MEL))
    )


_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
_FILTERS = _mel_filters()


class _Storage(NamedTuple):
    key: str


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]


class _ArraysOnly(pickle.Unpickler):
    """Unpickles three known names only; any other, and so any code in the file, is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch", "FloatStorage"):
            return _Storage
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, *_: _Tensor(storage, offset, shape)
        raise pickle.UnpicklingError("the weights file contains more than arrays")

    def persistent_load(self, pid: Any) -> _Storage:
        return _Storage(str(pid[2]))


def _read_weights(path: Path) -> dict[str, Floats]:
    with path.open("rb") as file:
        preamble = [_ArraysOnly(file).load() for _ in range(_PREAMBLE_PICKLES)]
        if preamble[0] != _TORCH_MAGIC:
            raise ValueError("not a PyTorch weights file")
        tensors: dict[str, _Tensor] = _ArraysOnly(file).load()["model_state"]
        storages = {key: _read_storage(file) for key in _ArraysOnly(file).load()}
    return {name: _array(tensor, storages) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO) -> Floats:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(4 * count), "<f4")


def _array(tensor: _Tensor, storages: dict[str, Floats]) -> Floats:
    size = int(np.prod(tensor.shape))
    return storages[tensor.storage.key][tensor.offset : tensor.offset + size].reshape(tensor.shape)

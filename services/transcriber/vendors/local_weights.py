"""Reads the arrays of a PyTorch weights file without PyTorch, by an unpickler that can only build arrays."""

import collections
import io
import math
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_INDEX = "archive/data.pkl"
_STORAGE = "archive/data/{}"


class _Storage(NamedTuple):
    kind: str
    key: str


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]


class _ArraysOnly(pickle.Unpickler):
    """Unpickles four known names only; any other, and so any code in the file, is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in ("FloatStorage", "LongStorage"):
            return name
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, *_: _Tensor(storage, offset, shape)
        raise pickle.UnpicklingError("the weights file contains more than arrays")

    def persistent_load(self, pid: Any) -> _Storage:
        return _Storage(kind=str(pid[1]), key=str(pid[2]))


def read_weights(path: Path) -> dict[str, Floats]:
    """Return the float arrays of a zipped weights file (PyTorch 1.6 and later) by name.

    Raises pickle.UnpicklingError if the file contains anything but arrays or is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tensors: dict[str, _Tensor] = _ArraysOnly(io.BytesIO(archive.read(_INDEX))).load()
            return {name: _array(archive, tensor) for name, tensor in tensors.items() if _is_float(tensor)}
    except (zipfile.BadZipFile, KeyError) as error:
        raise pickle.UnpicklingError("not a zipped PyTorch weights file") from error


def _is_float(tensor: _Tensor) -> bool:
    return tensor.storage.kind == "FloatStorage"


def _array(archive: zipfile.ZipFile, tensor: _Tensor) -> Floats:
    # Several arrays may be views of one storage, hence the offset.
    numbers = np.frombuffer(archive.read(_STORAGE.format(tensor.storage.key)), "<f4")
    array: Floats = numbers[tensor.offset : tensor.offset + math.prod(tensor.shape)].reshape(tensor.shape)
    return array

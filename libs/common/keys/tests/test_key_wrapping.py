"""What wrapping a key promises, and which root key files are refused."""

from pathlib import Path

import pytest

from libs.common.errors import AppError
from libs.common.keys.key_wrapping import LocalKey, new_key, read_root_key, write_root_key


async def test_a_wrapped_key_unwraps_under_its_context() -> None:
    key = LocalKey(new_key())

    assert await key.unwrap(await key.wrap(b"secret", b"person-1"), b"person-1") == b"secret"


async def test_another_context_another_key_or_a_flipped_bit_unwraps_nothing() -> None:
    key = LocalKey(new_key())
    wrapped = await key.wrap(b"secret", b"person-1")

    for holder, bytes_given, context in (
        (key, wrapped, b"person-2"),
        (LocalKey(new_key()), wrapped, b"person-1"),
        (key, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"person-1"),
        (key, b"", b"person-1"),
    ):
        with pytest.raises(AppError):
            await holder.unwrap(bytes_given, context)


async def test_a_root_key_file_gives_the_same_key_each_time(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    write_root_key(path)

    wrapped = await read_root_key(path).wrap(b"secret", b"x")

    assert await read_root_key(path).unwrap(wrapped, b"x") == b"secret"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_root_key_is_never_replaced(tmp_path: Path) -> None:
    write_root_key(tmp_path / "root.key")

    with pytest.raises(FileExistsError):
        write_root_key(tmp_path / "root.key")


def test_a_root_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    write_root_key(path)
    path.chmod(0o644)

    with pytest.raises(ValueError, match="mode 0644"):
        read_root_key(path)


def test_a_missing_root_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_root_key(tmp_path / "none")


def test_a_short_root_key_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"c2hvcnQ=")
    short.chmod(0o600)

    with pytest.raises(ValueError, match="32 bytes"):
        read_root_key(short)

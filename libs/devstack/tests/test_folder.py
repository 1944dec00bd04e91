"""A project folder keeps secrets private, ports stable, and cleans up after the killed."""

import socket
from pathlib import Path

from libs.devstack.servers import ports
from libs.devstack.servers.folder import Folder, throwaway_folder


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "stack")

    first = folder.secret("s3")

    assert Folder(tmp_path / "stack").secret("s3") == first
    assert folder.secret("valkey") != first
    assert (tmp_path / "stack" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_ports_stay_the_same_until_somebody_else_takes_one(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    first = folder.ports("store", 3)
    again = folder.ports("store", 3)

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first[1]))
        other.listen()

        assert first[1] not in folder.ports("store", 3)

    assert again == first


def test_two_servers_of_a_folder_never_share_a_port(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    given = [port for name in "abcdefgh" for port in folder.ports(name, 5)]

    assert len(set(given)) == len(given)


def test_a_picked_port_can_be_listened_on_with_its_pair() -> None:
    (port,) = ports.pick(1)

    assert ports.are_free([port, port + ports.PAIR_DISTANCE])


def test_a_throwaway_folder_is_gone_afterwards() -> None:
    with throwaway_folder() as folder, folder.locked():
        folder.secret("any")

    assert not folder.path.exists()


def test_the_throwaway_folder_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    abandoned, in_use, foreign = (Folder(tmp_path / f"therapyrag-{name}") for name in ("dead", "alive", "foreign"))
    abandoned.secret("any")
    in_use.secret("any")

    with in_use.locked(), throwaway_folder(tmp_path):
        assert not abandoned.path.exists()
        assert in_use.path.exists()
        assert foreign.path.exists()

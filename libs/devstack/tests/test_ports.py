"""Ports that look free and are not: SeaweedFS keeps a socket file per gRPC port, which only its owner may remove."""

import socket
import subprocess
import sys
from pathlib import Path

from libs.devstack.servers import ports, servers
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.seaweed import NAME


def test_a_socket_file_of_another_user_is_in_the_way_and_ones_own_is_not(tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    left.touch()
    owner = left.stat().st_uid

    assert ports.is_somebody_elses(left, owner + 1)
    assert not ports.is_somebody_elses(left, owner)
    assert not ports.is_somebody_elses(left, 0)
    assert not ports.is_somebody_elses(tmp_path / "nothing.sock", owner + 1)


def test_a_port_is_taken_while_somebody_listens_on_its_pair() -> None:
    (port,) = ports.pick(1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port + ports.PAIR_DISTANCE))
        listener.listen()

        assert not ports.are_free([port])


def test_a_port_that_was_given_away_is_not_given_to_another_process() -> None:
    (port,) = ports.pick(1)
    asking = f"from libs.devstack.servers import ports; ports.FIRST = ports.LAST = {port}; ports.pick(1)"

    other = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=False)

    assert other.stderr.splitlines()[-1] == "OSError: no free ports on loopback"


def test_a_store_that_was_thrown_away_leaves_no_socket_files_behind(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    with folder.locked(), servers.running(folder, throwaway=True):
        made = [path for port in folder.known_ports(NAME) for path in ports.grpc_sockets(port + ports.PAIR_DISTANCE)]

    assert made
    assert [path for path in made if path.exists()] == []

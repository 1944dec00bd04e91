"""The proxy between services and servers, seen by plain sockets on both sides."""

import contextlib
import gc
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from libs.devstack.servers.proxy import TcpProxy, proxies

TOO_SHORT_S = 0.3
LONG_ENOUGH_S = 5.0


@dataclass
class World:
    """A server that says everything back, and the proxy before it."""

    proxy: TcpProxy

    def connect(self) -> socket.socket:
        """Return a new connection through the proxy."""
        host, _, port = self.proxy.address.partition(":")
        return socket.create_connection((host, int(port)), timeout=LONG_ENOUGH_S)


def say(connection: socket.socket, words: bytes, within_s: float = LONG_ENOUGH_S) -> bytes:
    """Send words and return as many bytes as were sent."""
    connection.settimeout(within_s)
    connection.sendall(words)
    heard = b""
    while len(heard) < len(words) and (piece := connection.recv(len(words) - len(heard))):
        heard += piece
    return heard


def echo(listener: socket.socket) -> None:
    """Serve each connection in a thread until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=(connection,), daemon=True).start()


def _repeat(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            return


@pytest.fixture
def world() -> Iterator[World]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        with proxies({"echo": f"127.0.0.1:{listener.getsockname()[1]}"}) as made:
            yield World(made["echo"])
        listener.shutdown(socket.SHUT_RDWR)


def test_what_is_said_arrives_and_comes_back(world: World) -> None:
    large = bytes(range(256)) * 4096

    with world.connect() as connection:
        echo = say(connection, b"hello")
        sender = threading.Thread(target=connection.sendall, args=(large,))
        sender.start()
        heard = b""
        while len(heard) < len(large):
            heard += connection.recv(65536)
        sender.join()

    assert echo == b"hello"
    assert heard == large


def test_a_side_that_has_said_its_last_still_hears_the_other(world: World) -> None:
    with world.connect() as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)

        assert connection.makefile("rb").read() == b"last words"


def test_a_cut_resets_what_is_open_and_new_connections_are_taken(world: World) -> None:
    with world.connect() as first, world.connect() as second:
        say(first, b"1")
        say(second, b"2")

        assert world.proxy.cut() == 2

        for connection in (first, second):
            with pytest.raises(ConnectionResetError):
                say(connection, b"anybody?")
    with world.connect() as third:
        assert say(third, b"3") == b"3"


def test_a_stall_holds_every_byte_and_loses_none(world: World) -> None:
    with world.connect() as old:
        say(old, b"before")
        world.proxy.stall()
        with world.connect() as new:
            for connection in (old, new):
                with pytest.raises(TimeoutError):
                    say(connection, b"during", TOO_SHORT_S)

            world.proxy.resume()

            old.settimeout(LONG_ENOUGH_S)
            new.settimeout(LONG_ENOUGH_S)

            assert (old.recv(6), new.recv(6)) == (b"during", b"during")


def test_new_connections_are_refused_while_old_ones_go_on(world: World) -> None:
    with world.connect() as old:
        say(old, b"before")
        world.proxy.refuse()

        with pytest.raises(ConnectionRefusedError):
            world.connect()
        assert say(old, b"still here") == b"still here"

    world.proxy.resume()
    with world.connect() as new:
        assert say(new, b"again") == b"again"


def test_refusing_in_the_middle_of_a_rush_leaves_no_connection_behind(world: World) -> None:
    def rush() -> None:
        for _ in range(100):
            with contextlib.suppress(OSError):
                world.connect().close()

    for _ in range(4):
        rushing = threading.Thread(target=rush)
        rushing.start()
        for _ in range(10):
            world.proxy.refuse()
            world.proxy.resume()
        rushing.join()
    gc.collect()  # what was left open says so, and warnings are errors


def test_a_server_that_is_not_there_ends_the_connection(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"

        # The reset may come before the kernel has said that the connection is there.
        with proxies({"nobody": address}) as made, pytest.raises(ConnectionResetError):
            _first_byte(World(made["nobody"]))


def _first_byte(world: World) -> bytes:
    with world.connect() as connection:
        return connection.recv(1)

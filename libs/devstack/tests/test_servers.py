"""The three servers: closed to strangers, and back with their data after any crash."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from libs.devstack.conditions import block_until
from libs.devstack.errors import DevstackError
from libs.devstack.provision import ROOT
from libs.devstack.servers import full_disk, postgres, s3_request, servers
from libs.devstack.servers.addresses import Addresses, ObjectStore
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.processes import left_over
from libs.devstack.servers.servers import Servers
from libs.devstack.tests.listening import listening

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, which only Linux has: run this on Linux")
NAMES = ("postgres", "valkey", "seaweedfs")
ENDED_WITHIN_S = 20.0
WORDS = b"kept over a crash"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = Folder(tmp_path_factory.mktemp("shared") / "stack")
    with folder.locked(), servers.running(folder, throwaway=True) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "stack")


def write(addresses: Addresses) -> None:
    with psycopg.connect(addresses.admin_url, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
    with redis.Redis.from_url(addresses.redis_url) as client:
        client.xadd("kept", {"words": WORDS})
        client.execute_command("WAITAOF", 1, 0, 0)
    assert s3_request.send(addresses.object_store, "PUT", "/therapyrag/kept", WORDS).status_code == 200


def read(addresses: Addresses) -> bool:
    with psycopg.connect(addresses.admin_url) as connection:
        row = connection.execute("select one from kept").fetchone()
    with redis.Redis.from_url(addresses.redis_url) as client:
        entries = client.xlen("kept")
    return (
        row == (1,)
        and entries == 1
        and s3_request.send(addresses.object_store, "GET", "/therapyrag/kept").content == WORDS
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_server_listens_on_loopback_and_nowhere_else(up: Servers, name: str) -> None:
    addresses = listening(up.processes[name].pid)

    assert addresses
    assert {address for address, _ in addresses} == {"127.0.0.1"}


@pytest.mark.parametrize("password", ["", "wrong", "postgres"])
def test_postgres_refuses_another_password(up: Servers, password: str) -> None:
    url = up.addresses.admin_url.replace(up.folder.secret("postgres"), password)

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url)


def test_valkey_refuses_another_password_and_none(up: Servers) -> None:
    secret = f":{up.folder.secret('valkey')}@"

    for replaced in (":wrong@", ""):
        with (
            redis.Redis.from_url(up.addresses.redis_url.replace(secret, replaced)) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_the_object_store_refuses_another_key_and_none(up: Servers) -> None:
    right = up.addresses.object_store
    wrong = ObjectStore(right.endpoint, right.access_key, "wrong")

    assert s3_request.send(wrong, "GET", "/therapyrag/.ready").status_code == 403
    assert httpx.get(f"http://{right.endpoint}/therapyrag/.ready", trust_env=False).status_code == 403
    assert s3_request.send(right, "GET", "/therapyrag/.ready").status_code == 200


def test_no_other_http_port_of_the_object_store_gives_data(up: Servers) -> None:
    store_port = int(up.addresses.object_store.endpoint.rpartition(":")[2])
    ports = {port for _, port in listening(up.processes["seaweedfs"].pid)} - {store_port}
    given = []
    for port in ports:
        for path in ("/buckets/therapyrag/.ready", "/dir/assign", "/submit", "/admin/file?name=x"):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=2)
            except httpx.HTTPError:
                continue  # a gRPC port does not speak HTTP/1.1
            given += [(port, path, answer.text)] if answer.status_code == 200 else []

    assert given == []


def test_a_full_disk_refuses_what_is_new_keeps_what_is_old_and_takes_more_once_there_is_room(up: Servers) -> None:
    store, process = up.addresses.object_store, up.processes["seaweedfs"]
    full_disk.fill(process)

    refused = s3_request.send(store, "PUT", "/therapyrag/new", WORDS)
    old = s3_request.send(store, "GET", "/therapyrag/.ready")
    full_disk.free(process)
    taken = s3_request.send(store, "PUT", "/therapyrag/new", WORDS)

    assert (refused.status_code, old.status_code, taken.status_code) == (500, 200, 200)
    assert s3_request.send(store, "GET", "/therapyrag/new").content == WORDS


def test_secrets_are_in_files_only_their_owner_reads_and_in_no_command_line(up: Servers) -> None:
    root = up.folder.path
    files = [root / "secrets.json", root / "valkey.conf"]
    lines = b"".join(Path(f"/proc/{process.pid}/cmdline").read_bytes() for process in up.processes.values())

    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert root.stat().st_mode & 0o777 == 0o700
    assert not any(up.folder.secret(name).encode() in lines for name in ("postgres", "valkey", "s3"))


def test_each_server_comes_back_with_its_data_after_kill_9(folder: Folder) -> None:
    with folder.locked(), servers.running(folder, throwaway=True) as up:
        write(up.addresses)
        for name in NAMES:
            up.kill(name)
        for name in NAMES:
            up.start_again(name)

        assert read(up.addresses)


def test_a_second_start_keeps_addresses_secrets_and_data(folder: Folder) -> None:
    with folder.locked(), servers.running(folder) as first:
        write(first.addresses)
    with folder.locked(), servers.running(folder, throwaway=True) as second:
        assert second.addresses == first.addresses
        assert read(second.addresses)


def test_a_port_somebody_else_took_meanwhile_is_left_for_another(folder: Folder) -> None:
    with folder.locked(), servers.running(folder) as first:
        write(first.addresses)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", folder.known_ports("seaweedfs")[0]))
        other.listen()
        with folder.locked(), servers.running(folder, throwaway=True) as second:
            assert second.addresses != first.addresses
            assert read(second.addresses)


def test_when_the_starter_is_killed_its_servers_end_and_the_next_start_finds_all_data(folder: Folder) -> None:
    program = [sys.executable, "-m", "libs.devstack.tests.hold_servers", str(folder.path)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline().startswith(b"postgresql://")
        pids = [process.pid for process in left_over(folder.records)]
        starter.kill()

    assert len(pids) == len(NAMES)
    block_until(lambda: not left_over(folder.records), ENDED_WITHIN_S, every_s=0.05)
    assert left_over(folder.records) == []
    with folder.locked(), servers.running(folder, throwaway=True):
        pass


def test_servers_left_behind_by_a_start_that_was_killed_are_stopped(folder: Folder) -> None:
    with folder.locked():
        lost = servers.start(folder, detached=True)
        write(lost.addresses)

        with pytest.raises(DevstackError, match="make down"):
            servers.start(folder)
        assert servers.stop_left_over(folder) == len(NAMES)
        with servers.running(folder, throwaway=True) as up:
            assert read(up.addresses)


def test_a_record_whose_pid_is_somebody_elses_by_now_harms_nobody(folder: Folder) -> None:
    with folder.locked(), servers.running(folder, throwaway=True):
        pass
    with subprocess.Popen(["sleep", "60"]) as innocent:
        folder.record("valkey").write_text(
            f'{{"name": "valkey", "pid": {innocent.pid}, "started": "0", "stop_signal": 15, "detached": false}}'
        )
        pidfile = folder.path / "postgres" / "postmaster.pid"
        pidfile.write_text(f"{innocent.pid}\n{folder.path / 'postgres'}\n0\n1\n\n127.0.0.1\n")
        with folder.locked(), servers.running(folder, throwaway=True) as up:
            assert up.processes["postgres"].is_alive
        assert innocent.poll() is None
        innocent.send_signal(signal.SIGKILL)


def test_a_folder_in_use_is_refused(folder: Folder) -> None:
    with folder.locked(), pytest.raises(DevstackError, match="in use"), Folder(folder.path).locked():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else: run this as root, as CI does")
@pytest.mark.parametrize("modes", [("namespace", "uid:65534"), ("uid:65534", "namespace")], ids="-then-".join)
def test_root_runs_postgres_both_ways_over_the_same_data(modes: tuple[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as open_to_all:
        Path(open_to_all).chmod(0o755)
        folder = Folder(Path(open_to_all) / "stack")
        for mode in modes:
            server = postgres.start(folder, mode=mode)
            server.wait()
            server.process.stop(10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else: run this as root, as CI does")
def test_a_way_for_another_user_that_is_barred_is_said_in_a_sentence(folder: Folder) -> None:
    with pytest.raises(DevstackError, match="cannot pass"):
        postgres.start(folder, mode="uid:65534")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else: run this as root, as CI does")
def test_an_ordinary_user_runs_the_servers_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    needed = (Path(sys.executable).resolve(), Path(sys.prefix), ROOT)
    if not all(part.stat().st_mode & 0o001 for path in needed for part in (path, *path.parents)):
        pytest.skip("this tree, or this Python, is private to root: check out and install where others may read")
    home = Path("/var/tmp") / f"devstack-{os.getpid()}"
    home.mkdir(mode=0o700)
    try:
        os.chown(home, 65534, 65534)
        program = [sys.executable, "-m", "libs.devstack.tests.hold_servers", str(home / "stack")]
        with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, user=65534, group=65534) as starter:
            assert starter.stdout is not None
            url = starter.stdout.readline().decode().strip()
            with psycopg.connect(url) as connection:
                assert connection.execute("select version()").fetchone()
            starter.terminate()
        block_until(lambda: not left_over(Folder(home / "stack").records), ENDED_WITHIN_S, every_s=0.05)
        assert left_over(Folder(home / "stack").records) == []
    finally:
        subprocess.run(["rm", "-rf", str(home)], check=True)

"""`make up`, `make down` and what comes between."""

import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from libs.contracts.services import SERVICES
from libs.devstack import background
from libs.devstack.__main__ import main
from libs.devstack.servers import servers
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.processes import left_over

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    made = Folder(tmp_path_factory.mktemp("background") / "stack")
    yield made
    background.down(made)


def _exported(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    return dict(
        line.removeprefix("export ").split("=", 1)
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("export ")
    )


def test_up_prints_what_a_user_of_the_api_needs_and_no_more(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code = main(["--folder", str(folder.path), "up"])

    shown = _exported(capsys)
    answer = httpx.get(
        f"{shown['THERAPYRAG_URL']}/api/v1/me",
        headers={"Authorization": f"Bearer {shown['THERAPYRAG_KEY']}"},
        trust_env=False,
    )

    assert exit_code == 0
    assert set(shown) == {"THERAPYRAG_URL", "THERAPYRAG_KEY"}
    assert answer.status_code == 200
    assert httpx.get(f"{shown['THERAPYRAG_URL']}/docs", trust_env=False).status_code == 200


def test_operators_are_told_apart_where_the_database_and_the_streams_are(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = main(["--folder", str(folder.path), "up-ops"])

    shown = _exported(capsys)
    with psycopg.connect(shlex.split(shown["OPS_DATABASE_URL"])[0].replace("+psycopg", "", 1)) as connection:
        assert connection.execute("select current_user").fetchone() == ("svc_ops",)
    with redis.Redis.from_url(shlex.split(shown["REDIS_URL"])[0]) as client:
        assert client.ping()

    assert exit_code == 0


def test_up_again_changes_nothing(folder: Folder) -> None:
    first = background.up(folder)
    pids = {process.pid for process in left_over(folder.records)}

    assert background.up(folder) == first
    assert {process.pid for process in left_over(folder.records)} == pids


def test_after_a_crash_up_makes_it_whole_and_keeps_the_key(folder: Folder) -> None:
    before = background.up(folder)
    for process in left_over(folder.records):
        if process.name in ("chat", "postgres"):
            process.kill()

    assert main(["--folder", str(folder.path), "status"]) == 1

    assert background.up(folder) == before
    assert {state.name for state in background.status(folder) if state.word == "healthy"} == set(SERVICES)


def test_down_leaves_nothing_running(folder: Folder) -> None:
    background.up(folder)

    assert background.down(folder) == len(SERVICES) + len(servers.expected(os.environ))
    assert left_over(folder.records) == []


def test_a_given_server_where_nobody_listens_is_named_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{port}/0")

    code = main(["--folder", str(tmp_path / "stack"), "up"])

    said = capsys.readouterr().err

    assert code == 1
    assert f"REDIS_URL names a server at 127.0.0.1:{port}, and nobody answers there" in said
    assert "secret" not in said
    assert left_over(Folder(tmp_path / "stack").records) == []


def test_a_given_server_is_named_with_its_place_only() -> None:
    given = servers.from_environment({"REDIS_URL": "redis://:secret@cache.example:7000/0"})

    assert given.places() == {"REDIS_URL": "cache.example:7000"}

"""The peers' programs, in their own environment and a database of their own on the same server."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.events.environments import interpreter
from benchmarks.retrieval.sizes import Size
from libs.devstack.provision import ROOT

LOCK = Path(__file__).with_name("requirements.lock")
ENVIRONMENT = ROOT / ".devstack" / "peers" / "retrieval"
NAMES = (
    "LangChain, no index",
    "LangChain, HNSW",
    "LlamaIndex, no index",
    "LlamaIndex, HNSW",
    "pgvector, HNSW iterative",
)
WANTED = ("langchain-postgres", "llama-index-vector-stores-postgres", "pgvector")


def measure(admin_url: str, corpus: Path, size: Size, names: Sequence[str] = NAMES) -> Iterator[dict[str, Any]]:
    """Yield each peer's figures as they come."""
    python = interpreter(LOCK, ENVIRONMENT)
    url = _database(admin_url)
    plan = {"contenders": list(names), "clients": list(size.clients), "seconds": size.seconds}
    command = [python, "-m", "benchmarks.retrieval.programs.peers", url, str(corpus), json.dumps(plan)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            yield json.loads(line)
    if running.returncode:
        sys.exit(f"a peer's program ended with {running.returncode}")


def versions() -> str:
    """Return the peers' versions as the lock has them."""
    names = (line.split()[0].split("==") for line in LOCK.read_text().splitlines() if "==" in line)
    return ", ".join(f"{name} {version}" for name, version in names if name in WANTED)


def _database(admin_url: str) -> str:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("create database peers")
    url = admin_url.rpartition("/")[0] + "/peers"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create extension vector")
    return url

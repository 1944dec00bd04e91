"""The page: sections as Markdown, with the machine they were seen on."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psycopg
import redis

from benchmarks.events.arena import Arena
from benchmarks.events.figures import Section
from libs.common.clock import utc_now

BEGIN = "<!-- benchmarks.events: written by `python -m benchmarks.events --write` -->"
END = "<!-- end of benchmarks.events -->"
HEAD = (
    "# Performance\n\nWhat was measured, how, and on which machine; each figure has the command that shows it again.\n"
)
BUSY_LOAD = 0.5
_WORDS = (
    "Figures are medians over rounds; a ratio compares neighbouring runs of one round, so that noise hits both sides."
)


def render(command: str, machine: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the Markdown of a run."""
    lines = ["## Events", "", f"Command: `{command}`.", _WORDS, "", *(f"- {line}" for line in machine), ""]
    for section in sections:
        lines += [
            f"### {section.title}",
            "",
            *section.how,
            "",
            _row(section.header),
            _row(["---"] * len(section.header)),
        ]
        lines += [*(_row(row) for row in section.rows), "", *(f"- {bar}" for bar in section.bars), ""]
    return "\n".join(lines)


def write(page: Path, text: str) -> None:
    """Put the text where the page has its place for it, or at its end."""
    old = page.read_text() if page.exists() else HEAD
    before, found, rest = old.partition(BEGIN)
    after = rest.partition(END)[2] if found else "\n"
    page.write_text(f"{before.rstrip()}\n\n{BEGIN}\n\n{text.rstrip()}\n\n{END}{after}")


def machine(arena: Arena) -> list[str]:
    """Describe where this ran; the load says whether anything else did."""
    with redis.Redis.from_url(arena.infra.redis_url) as client:
        info = client.info("server")
    with psycopg.connect(arena.infra.admin_url) as connection:
        row = connection.execute("show server_version").fetchone()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    server = info.get("valkey_version") or info.get("redis_version")
    return [
        f"{utc_now():%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), {memory:.0f} GB, {platform.system()}"
        f" {platform.release()}.",
        f"Python {platform.python_version()}, redis-py {version('redis')} with hiredis {version('hiredis')},"
        f" {'Valkey' if 'valkey_version' in info else 'Redis'} {server} (append-only, everysec, loopback),"
        f" PostgreSQL {row[0] if row else '?'} (defaults: fsync and synchronous_commit on).",
        load(),
    ]


def load() -> str:
    """Tell how busy the machine was before the run."""
    per_core = os.getloadavg()[0] / (os.cpu_count() or 1)
    kind = "**noisy: other work was running, only ratios say something**" if per_core > BUSY_LOAD else "quiet"
    return f"Load per core when the run began: {per_core:.2f} ({kind})."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

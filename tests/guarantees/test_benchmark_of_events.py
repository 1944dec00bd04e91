"""The benchmark of events still runs: tiny sizes, ours only, and never a word about how fast."""

from pathlib import Path

import pytest

from benchmarks.events import report, world
from benchmarks.events.__main__ import MEASURES, Plan, run
from benchmarks.events.contestants import HERE, PEERS
from benchmarks.events.figures import Bar, Section, percentile
from benchmarks.events.sizes import TINY
from libs.devstack.infra import Infra


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_runs_to_its_end_without_any_peer(name: str, infra: Infra, tmp_path: Path) -> None:
    arena = world.arena(infra, tmp_path, empties_server=False)

    (section,) = run(arena, TINY, Plan([name], []))

    assert section.rows
    assert all(bar.seen > 0 for bar in section.bars)


def test_a_name_nobody_has_is_refused_and_a_contestant_chooses_its_measures() -> None:
    with pytest.raises(ValueError, match="kafka"):
        Plan.of(["kafka"])

    assert Plan.of(["ours"]) == Plan(list(MEASURES), [])
    assert [peer.name for peer in Plan.of(["drain", "rq"]).peers] == ["RQ"]
    assert Plan.of(["drain"]) == Plan(["drain"], PEERS)


@pytest.mark.parametrize("lock", sorted({peer.lock for peer in PEERS}))
def test_a_peers_lock_has_a_hash_for_each_package_and_names_no_index(lock: str) -> None:
    lines = (HERE / f"{lock}.lock").read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if "==" in line]

    assert pinned
    assert [lines[number] for number in pinned if "--hash=sha256:" not in lines[number + 1]] == []
    assert [line for line in lines if "://" in line or "index" in line.split("#")[0].split("==")[0]] == []


def test_a_page_is_written_again_in_its_own_place(tmp_path: Path) -> None:
    page = tmp_path / "page"
    section = Section("Drain", ["How."], ["", "rate"], [["ours", "7"]], [Bar("Rate", 7, 8, "/s", at_least=True)])
    report.write(page, report.render("first", ["quiet"], [section]))
    page.write_text(page.read_text() + "\n## Uploads\n")

    report.write(page, report.render("second", ["quiet"], [section]))

    text = page.read_text()

    assert "`second`" in text
    assert "`first`" not in text
    assert "Rate: 7/s, bar >= 8/s: missed by a factor of 1.14." in text
    assert text.endswith("## Uploads\n")


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([4.0], 0.99)) == (50.0, 99.0, 4.0)

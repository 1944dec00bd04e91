"""The proof of planted defects, and that nothing counts as caught but what a proof says of its own figure."""

import pytest

from libs.devstack.provision import ROOT
from proofs.planted import mutants
from proofs.planted.planting import ByProof, ByTest, Edit, Mutant, NotPlantedError, Sources, planted

SEED = 20261126
PLANTED_MIN = 60
WRAPPING = "libs/common/keys/key_wrapping.py"
BY_CRYPTO = ByProof("recordings.crypto", "accepted")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_control_that_is_taken_away_is_missed_by_its_proof() -> None:
    assert len(mutants.PLANTED) >= PLANTED_MIN
    assert mutants.run(mutants.PLANTED, SEED) == 0


@pytest.mark.parametrize("mutant", mutants.PLANTED, ids=lambda mutant: mutant.name)
def test_a_defect_has_its_place_and_whoever_must_notice_it_exists(mutant: Mutant) -> None:
    places = [(ROOT / edit.file).read_text().count(edit.old) for edit in mutant.edits]

    assert places == [1] * len(mutant.edits)
    if isinstance(mutant.by, ByTest):
        assert f"def {mutant.by.test.partition('[')[0]}(" in (ROOT / mutant.by.file).read_text()
    else:
        assert (ROOT / "proofs" / f"{mutant.by.module.replace('.', '/')}.py").exists()


def test_each_defect_has_a_name_of_its_own() -> None:
    names = [mutant.name for mutant in mutants.PLANTED]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("fate", "edit"),
    [
        ("survived", Edit(WRAPPING, "KEY_BYTES = 32\n", "KEY_BYTES = 16 + 16\n")),
        ("broke", Edit(WRAPPING, "KEY_BYTES = 32\n", "KEY_BYTES = \n")),
        # It fails, but not on the figure that is watched.
        ("broke", Edit("proofs/recordings/crypto.py", "intact and not accepted", "False and not accepted")),
    ],
)
def test_what_changes_nothing_survives_and_what_only_breaks_is_not_caught(
    fate: str, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    mutant = planted("harmless", "nothing", BY_CRYPTO, edit)

    assert mutants.run([mutant], SEED) == 1
    assert f" {fate}=1 " in capsys.readouterr().out


def test_a_test_that_breaks_before_its_assertion_has_not_caught_anything(capsys: pytest.CaptureFixture[str]) -> None:
    by = ByTest("services/gateway/tests/test_domain.py", "test_a_digest_needs_the_pepper")
    edit = Edit("services/gateway/key_format.py", "return hmac.new(pepper, self", "return hmac.no_such(pepper, self")

    assert mutants.run([planted("breaks", "nothing", by, edit)], SEED) == 1
    assert " broke=1 controls=1/1 " in capsys.readouterr().out


@pytest.mark.parametrize("old", ["no such text", "self"])
def test_text_that_is_not_there_exactly_once_is_refused(tmp_path_factory: pytest.TempPathFactory, old: str) -> None:
    sources = Sources(tmp_path_factory.mktemp("sources"))

    with pytest.raises(NotPlantedError, match=WRAPPING), sources.edited([Edit(WRAPPING, old, "x")]):
        pass

"""The ledger's rules, without any database."""

from hypothesis import given
from hypothesis import strategies as st

from services.consent.domain import Evidence, Origin


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6), st.data())
def test_no_two_circumstances_share_a_digest(parts: list[str | None], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=6, max_size=6))

    one, other = _evidence(parts), _evidence(others)

    assert (one.digest() == other.digest()) == (one == other)


def _evidence(parts: list[str | None]) -> Evidence:
    return Evidence(bytes(16), Origin(*parts[:2]), Origin(*parts[2:4]), parts[4] or "", parts[5])

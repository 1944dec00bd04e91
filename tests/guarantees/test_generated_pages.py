"""The generated pages say what the code says now."""

import pytest

from tests.guarantees.generate import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_would_write_now(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run `make docs`"

"""Characters that nobody sees are refused where something is named, and leave where something is shown."""

import sys
import unicodedata
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.visible_text import VISIBLE_LINE, VISIBLE_WORDS, visible


class Named(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    line: Annotated[str, VISIBLE_LINE] = ""
    words: Annotated[str, VISIBLE_WORDS] = ""


def test_every_control_format_and_separator_character_of_unicode_is_hidden_but_for_tab_and_line_ends() -> None:
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    hidden = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in kinds}

    assert {one for one in hidden if visible(one)} == {"\t", "\n", "\r"}


def test_what_people_write_is_left_alone() -> None:
    for text in (
        "Zoë Ångström-O’Neill",
        "עברית",
        "日本語",
        "❤️ \N{SLIGHTLY SMILING FACE}",
        "a\tb\r\nc",
        "50\N{NO-BREAK SPACE}%",
    ):
        assert visible(text) == text
        assert Named(words=text).words == text


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x1b]8;;http://x\x07", "\x9b2J", "\u202e", "\u200b", "\ufeff", "\x00"])
def test_a_name_or_words_with_a_hidden_character_are_refused_without_being_repeated(hidden: str) -> None:
    for field in ("line", "words"):
        with pytest.raises(ValidationError) as refused:
            Named.model_validate({field: f"Ann{hidden}a"})
        assert [fault["type"] for fault in refused.value.errors()] == ["hidden_characters"]
        assert "Ann" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize("broken", ["a\nb", "a\tb", "a\r"])
def test_a_name_is_one_line(broken: str) -> None:
    with pytest.raises(ValidationError):
        Named(line=broken)

import pytest
from django.core.exceptions import ValidationError

from core.text import require_one_line, require_text, visible

GOOD = ["Catalogue", "Größe & Maß", "カタログ", "👩‍👩‍👧 family", "نام‌ها", "a\u00a0b"]
BAD = ["a\nb", "a\rb", "a\tb", "a\x00b", "a\x1bb", "a\x85b", "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "a\ud800b"]
TRAPS = "\x00\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("text", GOOD)
def test_a_name_may_hold_any_script(text):
    require_one_line(text)


@pytest.mark.parametrize("text", BAD)
def test_a_name_holds_no_line_breaks_control_characters_or_marks_that_reorder_it(text):
    with pytest.raises(ValidationError, match="one line of text"):
        require_one_line(text)


def test_a_note_may_have_several_lines_but_no_control_characters():
    require_text("a\r\n\tb")
    with pytest.raises(ValidationError):
        require_text("a\n\x1bb")


@pytest.mark.parametrize("trap", TRAPS)
def test_characters_that_turn_round_their_surroundings_are_replaced_in_names(trap):
    assert visible(f"invoice{trap}fdp.exe") == "invoice�fdp.exe"

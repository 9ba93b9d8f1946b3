import uuid

import pytest

from datasources.deleting.forms import DeleteForm
from datasources.models import Source


def delete_form(name: str, typed: str) -> DeleteForm:
    return DeleteForm(Source(datasource_id=uuid.UUID(int=7), file_name=name), {"confirm": typed})


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("things.csv", "things.csv"),
        ("things.csv", "  things.csv "),
        (" two  spaces.csv", "two spaces.csv"),
        ("line\nbreak\tand tab.csv", "line break and tab.csv"),
        ("nul\ufffdbell\x07.csv", "nulbell.csv"),
        ("right\u202eto left.csv", "right to left.csv"),
        ("right\u202eto left.csv", "right�to left.csv"),  # copied from the page
        ("zero\u200bwidth.csv", "zerowidth.csv"),
        ("two\u00a0words.csv", "two words.csv"),
        ("שלום.csv", "שלום.csv"),
        ("cafe\u0301.csv", "caf\u00e9.csv"),  # as macOS writes it, as a keyboard does
        ("<b>&amp;.csv", "<b>&amp;.csv"),
        ("x" * 5000, "x" * 5000),
        ("", "00000000-0000-0000-0000-000000000007"),
        (" \u202e\x00", "00000000-0000-0000-0000-000000000007"),
    ],
)
def test_the_typed_name_opens_the_way_as_far_as_it_can_be_typed(name, typed):
    assert delete_form(name, typed).is_valid()


def test_a_name_that_can_t_be_typed_says_what_to_type_instead():
    assert "00000000-0000-0000-0000-000000000007" in delete_form("\u202e", "").fields["confirm"].help_text


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("things.csv", "Things.csv"),
        ("things.csv", "things"),
        ("things.csv", "things.csv.gz"),
        ("things.csv", ""),
        ("things.csv", " "),
        ("things.csv", "thinqs.csv"),
        (" \u202e\x00", "\u200b"),
        ("x" * 5000, "x" * 4999),
    ],
)
def test_any_other_name_stops_it(name, typed):
    form = delete_form(name, typed)
    assert not form.is_valid()
    assert form.errors["confirm"]

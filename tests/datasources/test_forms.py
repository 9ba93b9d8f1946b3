import uuid

import pytest

from datasources.deleting.forms import DeleteForm
from datasources.downloads.forms import DownloadForm
from datasources.keys.forms import KeyEditForm, KeyForm
from datasources.models import Source

# --- Keys ---


def key_form(form=KeyForm, **data):
    return form({"label": "Main", "secret": "claro_live_abc", **data})


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("claro_live_abc", "claro_live_abc"),
        ("  claro_live_abc\n", "claro_live_abc"),
        ("\tclaro_live_abc\r\n", "claro_live_abc"),
        ("x", "x"),
        ("x" * 512, "x" * 512),
        ("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
        ("schlüssel", "schlüssel"),
    ],
)
def test_a_key_is_taken_without_what_was_copied_around_it(typed, kept):
    form = key_form(secret=typed)
    assert form.is_valid()
    assert form.cleaned_data["secret"] == kept


@pytest.mark.parametrize(
    "typed", ["two words", "a\nb", "a\tb", "a\x00b", "a\u200bb", "\u200ba", "a\u00a0b", "a\u202eb", "x" * 513, "", "  "]
)
def test_what_can_t_be_a_key_is_told_and_not_shown_again(typed):
    form = key_form(secret=typed)
    assert "secret" in form.errors
    assert f'value="{typed}"' not in form.as_p()
    assert "x" * 513 not in form.as_p()


def test_a_good_key_is_not_sent_back_either():
    assert "claro_live_abc" not in key_form(label="").as_p()


@pytest.mark.parametrize(
    ("label", "is_valid"), [("x" * 100, True), ("x" * 101, False), ("  ", False), ("a\x00", False)]
)
def test_labels(label, is_valid):
    assert key_form(label=label).is_valid() is is_valid


def test_an_empty_field_keeps_the_present_key():
    form = key_form(KeyEditForm, secret="")
    assert form.is_valid()
    assert form.cleaned_data["secret"] == ""
    assert not key_form(KeyEditForm, secret="two words").is_valid()


# --- Downloads ---


@pytest.mark.parametrize(("typed", "seconds"), [("", 3600), ("300", 300), ("3600", 3600), ("86400", 86_400)])
def test_how_long_a_link_may_live(typed, seconds):
    form = DownloadForm({"expires_in": typed})
    assert form.is_valid()
    assert (form.cleaned_data["expires_in"], form.cleaned_data["renew"]) == (seconds, False)


@pytest.mark.parametrize("typed", ["0", "299", "86401", "-1", "abc", "300.0"])
def test_no_other_time_is_offered(typed):
    assert not DownloadForm({"expires_in": typed}).is_valid()


# --- Deleting ---


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

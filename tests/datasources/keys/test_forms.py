import pytest

from datasources.keys.forms import KeyEditForm, KeyForm


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

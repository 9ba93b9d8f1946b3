"""Forms that are common to the pages: names, and what the query string of a page may hold."""

from typing import Any
from urllib.parse import urlencode

from django import forms

from core.text import require_one_line

# Parameters that name columns: `column=` is the column without a name.
OF_COLUMNS = ("column", "hide", "pin")
ORDERS = (("asc", "ascending"), ("desc", "descending"))


def query_string(parameters: dict[str, Any], **changes: object) -> str:
    """The query string with some parameters changed, empty ones left out.

    A change leads to the first page, and to no row that is open.
    """
    changed = {**parameters, "page": "", "row": "", **changes}
    kept = {
        name: value
        for name, value in changed.items()
        if value not in (None, "", [""]) or (name in OF_COLUMNS and value == [""])
    }
    text = urlencode(kept, doseq=True)
    return f"?{text}" if text else "?"


class QueryForm(forms.Form):
    """The state of a page in its query string. An unusable value is reported and replaced by the default."""

    DEFAULTS: dict[str, Any] = {}

    def state(self) -> dict[str, Any]:
        """Every field's value, or its default where it is missing or can't be used."""
        self.full_clean()
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [])}
        return {**dict.fromkeys(self.fields, ""), **self.DEFAULTS, **given}

    def complaints(self) -> list[str]:
        """One sentence for each value that can't be used."""
        return [f"“{name}” in the address: {error}" for name, errors in self.errors.items() for error in errors]


def changes(form: forms.Form, name: str) -> tuple[set[str], set[str]]:
    """The values of a field that were ticked, and those that lost their tick, since the form was rendered.

    The field has `show_hidden_initial`. A form that was open for long undoes no change of another user.
    """
    field = form[name]
    hidden = field.field.hidden_widget()
    before = {*hidden.value_from_datadict(form.data, form.files, field.html_initial_name)}
    now = {*field.field.widget.value_from_datadict(form.data, form.files, field.html_name)}
    return now - before, before - now


class NamesField(forms.Field):
    """Texts from a repeated parameter. An empty one counts, because a column may have no name."""

    widget = forms.SelectMultiple

    def to_python(self, value: object) -> list[str]:
        return list([value] if isinstance(value, str) else value or ())


class EachField(NamesField):
    """The values of a repeated parameter, each as `field` understands it; empty ones keep their place."""

    def __init__(self, field: forms.Field, **kwargs):
        super().__init__(**kwargs)
        self.field = field

    def to_python(self, value: object) -> list[Any]:
        return [self.field.clean(one) for one in super().to_python(value)]


class PageForm(QueryForm):
    DEFAULTS = {"page": 1}

    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)


class NameField(forms.CharField):
    """A name of one line, because pages, mails and logs show it."""

    default_validators = [require_one_line]

    def __init__(self, **kwargs):
        super().__init__(max_length=100, **kwargs)

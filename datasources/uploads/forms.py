"""The form of an upload: files, and the key through which they are sent."""

from collections.abc import Iterable
from typing import Any

from django import forms

from core.forms import QueryForm
from datasources.models import ApiKey, SavedView, ShareLink
from datasources.uploads import checks
from datasources.uploads.receiving import Received


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """At least one file. An empty one is refused by the checks, which have better words."""

    widget = _Files(attrs={"data-upload-files": ""})

    def clean(self, data: Any, initial: Any = None) -> list[Received]:
        clean_one = super().clean
        return [clean_one(one) for one in data] if data else [clean_one(None)]


class UploadForm(forms.Form):
    key = forms.ChoiceField(label="Key", help_text="The files appear at Claro in the account of this key.")
    file = _FilesField(
        label="Files",
        allow_empty_file=True,
        error_messages={"required": "Choose a file."},
    )

    def __init__(self, keys: list[ApiKey], *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._keys = {str(key.pk): key for key in keys}
        self.fields["key"].choices = [(pk, key.label) for pk, key in self._keys.items()]
        if len(keys) == 1:
            self.fields["key"].required = False

    def clean_key(self) -> ApiKey:
        """The chosen key; the only one where there is no choice."""
        return self._keys[self.cleaned_data["key"] or next(iter(self._keys))]


class CorrectsForm(QueryForm):
    """The source that files of the form correct, if any."""

    corrects = forms.UUIDField(required=False)


class HeadForm(forms.Form):
    """The start of a file that the browser is about to send, and the size of all of it."""

    file = forms.FileField(allow_empty_file=True)
    size = forms.IntegerField(min_value=0)

    def report(self) -> checks.Report:
        file = self.cleaned_data["file"]
        return checks.check(file.name, checks.sample_of_head(file.read(checks.HEAD_BYTES), self.cleaned_data["size"]))


class MoveForm(forms.Form):
    """A choice of things that move to a corrected file: history, star and tags, and some of these views and links."""

    GONE = {"invalid_choice": "One of them was changed or deleted meanwhile. Choose again."}

    history = forms.BooleanField(required=False)
    marks = forms.BooleanField(required=False)
    view = forms.MultipleChoiceField(required=False, error_messages=GONE)
    share = forms.MultipleChoiceField(required=False, error_messages=GONE)

    def __init__(self, views: Iterable[tuple[SavedView, object]], shares: Iterable[ShareLink], *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["view"].choices = [(str(view.pk), view.name) for view, _ in views]
        self.fields["share"].choices = [(str(share.pk), str(share)) for share in shares]

    def clean(self) -> None:
        if not self.errors and not any(self.cleaned_data.values()):
            raise forms.ValidationError("Choose what moves.")

    @property
    def shown(self) -> set[str]:
        """The ids that are ticked: as sent, else all views."""
        if self.is_bound:
            return {*self.data.getlist("view"), *self.data.getlist("share")}
        return {pk for pk, _ in self.fields["view"].choices}

import re

from django import forms
from django.core.validators import MaxLengthValidator

from core.text import typeable
from datasources.models import Source


class WhenForm(forms.Form):
    """Whether Claro is asked once the time in the bin is over, or now."""

    when = forms.ChoiceField(required=False, choices=[("later", "later"), ("now", "now")])

    @property
    def is_now(self) -> bool:
        return self.cleaned_data["when"] == "now"


class DeleteForm(WhenForm):
    """Deleting asks for the file's name; what can't be typed (control characters, exact spaces) isn't asked for."""

    confirm = forms.CharField(label="File name", strip=True, validators=[MaxLengthValidator(10_000)])

    def __init__(self, source: Source, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._name = source.name
        if not typeable(self._name):
            self._name = str(source.datasource_id)
            self.fields["confirm"].help_text = f"This name can't be typed. Type {self._name} instead."

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if typeable(typed) != typeable(self._name):
            raise forms.ValidationError("The name doesn't match. Nothing was deleted.")
        return typed


class DeleteSeveralForm(WhenForm):
    """Deleting several asks for their number. The error reports how many are `gone` by now."""

    confirm = forms.CharField(label="Number of files")

    def __init__(self, count: int, gone: int, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._count, self._gone = count, gone

    def clean_confirm(self) -> str:
        typed = self.cleaned_data["confirm"]
        if re.sub(r"[\s,.'’]", "", typed) != str(self._count):
            gone = f"{self._gone:,} of the files {'is' if self._gone == 1 else 'are'} no longer in the list. "
            raise forms.ValidationError(f"{gone if self._gone else ''}The number doesn't match. Nothing was deleted.")
        return typed

from django import forms


class DownloadForm(forms.Form):
    CHOICES = ((300, "5 minutes"), (3600, "1 hour"), (86_400, "24 hours"))

    expires_in = forms.TypedChoiceField(coerce=int, required=False, empty_value=3600, choices=CHOICES)
    renew = forms.BooleanField(required=False)


class RetryForm(forms.Form):
    """Which files of a batch get a new link."""

    number = forms.IntegerField(required=False, min_value=1, max_value=2**31 - 1)

    def numbers(self) -> set[int]:
        """Empty for all."""
        number = self.cleaned_data["number"]
        return {number} if number else set()

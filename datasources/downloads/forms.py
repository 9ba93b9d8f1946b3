from django import forms


class DownloadForm(forms.Form):
    CHOICES = ((300, "5 minutes"), (3600, "1 hour"), (86_400, "24 hours"))

    expires_in = forms.TypedChoiceField(coerce=int, required=False, empty_value=3600, choices=CHOICES)
    renew = forms.BooleanField(required=False)

from django import forms
from django.utils.formats import get_format
from django.utils.translation.trans_real import parse_accept_lang_header

from datasources.copies.exports.formats import FORMATS, Options


class ExportForm(forms.Form):
    """How rows are exported; in the address of a script only the format is required."""

    SEPARATORS = ((",", "Comma"), (";", "Semicolon"), ("\t", "Tab"))
    DECIMALS = ((".", "Point (1.5)"), (",", "Comma (1,5)"))
    SHOWN, ALL = "shown", "all"

    rows = forms.ChoiceField(
        required=False, choices=((SHOWN, "Rows and columns shown"), (ALL, "Whole table")), widget=forms.RadioSelect
    )
    format = forms.ChoiceField(
        choices=[(name, one.name) for name, one in FORMATS.items()],
        error_messages={
            "required": f"Choose a format: {', '.join(FORMATS)}.",
            "invalid_choice": f"Choose a format: {', '.join(FORMATS)}.",
        },
    )
    separator = forms.ChoiceField(required=False, choices=SEPARATORS)
    decimal = forms.ChoiceField(required=False, choices=DECIMALS, label="Decimal sign")

    def options(self, languages: str) -> Options:
        """The chosen options, else those that Excel expects where these languages (`Accept-Language`) are spoken."""
        usual, given = usual_options(languages), self.cleaned_data
        return Options(given.get("separator") or usual.separator, given.get("decimal") or usual.decimal)


def usual_options(languages: str) -> Options:
    """The separator and the decimal sign that Excel expects in the first of these languages."""
    language = next((name for name, _ in parse_accept_lang_header(languages) if name != "*"), "en")
    decimal = get_format("DECIMAL_SEPARATOR", language, use_l10n=True)
    return Options(";", ",") if decimal == "," else Options(",", ".")

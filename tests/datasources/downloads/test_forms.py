import pytest

from datasources.downloads.forms import DownloadForm


@pytest.mark.parametrize(("typed", "seconds"), [("", 3600), ("300", 300), ("3600", 3600), ("86400", 86_400)])
def test_how_long_a_link_may_live(typed, seconds):
    form = DownloadForm({"expires_in": typed})
    assert form.is_valid()
    assert (form.cleaned_data["expires_in"], form.cleaned_data["renew"]) == (seconds, False)


@pytest.mark.parametrize("typed", ["0", "299", "86401", "-1", "abc", "300.0"])
def test_no_other_time_is_offered(typed):
    assert not DownloadForm({"expires_in": typed}).is_valid()

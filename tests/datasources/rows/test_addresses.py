"""Addresses of the rows page stay within 4 kB and survive the round trip, whatever the columns are called."""

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasources.rows import choices, remembered
from datasources.rows.choices import Choice
from datasources.rows.forms import RowsForm
from datasources.rows.remembered import ADDRESS_MAX

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
NAMES = st.lists(TEXT, min_size=1, max_size=60, unique=True)
LONG = st.builds(lambda text, length: (text * length)[:length], TEXT, st.integers(1, 4000))
REST = st.fixed_dictionaries({}, optional={"filter": LONG, "q": TEXT, "page": st.just("3"), "sort": TEXT})


@st.composite
def chosen(draw) -> Choice:
    """Any of the columns in any order, or all but some; pins, widths and groups."""
    names = draw(NAMES)
    some = draw(st.lists(st.sampled_from(names), unique=True))
    pins = tuple(draw(st.lists(st.sampled_from(names), max_size=choices.PINS_MAX, unique=True)))
    widths = draw(st.dictionaries(st.sampled_from(names), st.integers(choices.WIDTH_MIN, choices.WIDTH_MAX)))
    return Choice(pins=pins, widths=widths, is_grouped=draw(st.booleans())).with_shown(some, names)


def asked(address: str, user):
    request = RequestFactory().get(address)
    request.user = user
    return request


@pytest.mark.django_db
@given(chosen(), REST)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_choice_is_in_an_address_of_4_kb_or_behind_its_reference(table, alice, choice, rest):
    path = f"/sources/{table.datasource_id}/rows/"
    request = asked(path, alice)
    parameters = QueryDict(mutable=True)
    parameters.update(rest)
    whole = choices.with_choice(parameters, choice.parameters())
    address = remembered.address(request, table, path, whole)
    # A filter that the page refuses is not kept.
    is_refused = bool({*remembered.FILTERS} & {*RowsForm(whole).errors})
    assert len(request.build_absolute_uri(address)) <= ADDRESS_MAX or is_refused
    there = asked(address, alice)
    if len(request.build_absolute_uri(f"{path}?{whole.urlencode()}")) <= ADDRESS_MAX:
        assert whole == there.GET
    else:
        columns = {"columns"} if choice.parameters() else set()
        without_filter = {*rest} - {*remembered.FILTERS} | {"where"}
        assert {*there.GET} in (columns | {*rest}, columns | without_filter)
    there.GET = remembered.with_filter(there, table)
    found = remembered.expanded(there, table)
    assert found == whole
    assert RowsForm(found).state()["choice"] == choice
    assert not remembered.better_address(there, table) or not choices.is_made_by(there.GET)

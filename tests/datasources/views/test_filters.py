"""A condition that a cell or a field offers, added to the filter of the address."""

import pytest

from tests.datasources.views.conftest import ids
from tests.support.copies import copied

NAMES = ["id", 'a "b"', "zip", "yes"]
VALUES = [[1, "it's", "0012", True], [2, "It's", "12", False], [3, None, None, None], [4, "", "x", True]]


@pytest.mark.parametrize(
    ("column", "op", "value", "found"),
    [
        ('a "b"', "is", "it's", [1]),
        ('a "b"', "not", "it's", [2, 3, 4]),
        ('a "b"', "null", "", [3]),
        ('a "b"', "blank_text", "", [4]),
        ('a "b"', "not_empty", "", [1, 2]),
        ("zip", "is", "0012", [1]),
        ("zip", "is", "12", [2]),
        ("id", "gt", "2", [3, 4]),
        ("id", "lt", "2", [1]),
        ("yes", "yes", "", [1, 4]),
        ("yes", "no", "", [2]),
    ],
)
def test_a_condition_finds_what_its_words_say(table, web, path, column, op, value, found):
    copied(table, NAMES, VALUES)
    answer = web.get(f"{path}filter/", {"do": "add", "c": column, "op": op, "v": value, "exact": "1"})
    assert answer.status_code == 303
    assert ids(web.get(answer["Location"])) == found


def test_a_condition_joins_the_filter_and_keeps_the_rest(copy, web, path):
    query = "filter=id+%3E+100&sort=price&order=desc&limit=25&page=2&row=30"
    answer = web.get(f"{path}filter/?{query}&do=add&c=note&op=is&v=note+2&exact=1")
    kept = "sort=price&order=desc&limit=25"
    assert answer["Location"] == f"{path}?filter=id+%3E+100+AND+note+%3D+%27note+2%27&{kept}"
    again = web.get(answer["Location"].replace("?", "filter/?") + "&do=add&c=note&op=is&v=note+2")
    assert again["Location"] == answer["Location"]


def test_a_live_table_is_filtered_by_numbers_too(table, web, path):
    answer = web.get(f"{path}filter/?do=add&c=price&op=lt&v=4.5")
    assert ids(web.get(answer["Location"])) == [1, 2]


@pytest.mark.parametrize("query", ["", "do=add", "do=add&c=id&op=nonsense", f"do=add&c=id&op=is&v={'x' * 4000}"])
def test_what_is_no_condition_is_refused(table, web, path, query):
    assert web.get(f"{path}filter/?{query}").status_code == 422

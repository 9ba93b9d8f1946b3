"""Conditions added, changed and removed by links and forms, on a copy and on a live table."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.utils import timezone

from datasources.copies import versions
from datasources.models import Source
from tests.conftest import synced
from tests.datasources.views.conftest import asked, body, dom, ids, words
from tests.support.copies import copied
from tests.support.html import link

NAMES = ["id", 'a "b"', "zip", "yes", "day"]
VALUES = [
    [1, "it's", "0012", True, "2026-01-05"],
    [2, "It's", "12", False, "2026-01-05T10:00:00Z"],
    [3, None, None, None, None],
    [4, "", "x", True, ""],
    [5, "  ", "12.0", True, "2026-01-06"],
]


def filter_of(answer) -> str:
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer["Location"]).query).get("filter", [""])[0]


@pytest.mark.parametrize(
    ("column", "op", "values", "exact", "found"),
    [
        ('a "b"', "is", ["IT'S"], "", [1, 2]),
        ('a "b"', "is", ["it's"], "1", [1]),
        ('a "b"', "not", ["IT'S"], "", [3, 4, 5]),
        ('a "b"', "not", ["it's"], "1", [2, 3, 4, 5]),
        ('a "b"', "one_of", ["it's", ""], "", [1, 4]),
        ('a "b"', "not_one_of", ["it's", ""], "", [2, 3, 5]),
        ('a "b"', "contains", ["T'"], "", [1, 2]),
        ('a "b"', "contains", [" "], "", [5]),
        ('a "b"', "starts", ["It"], "1", [2]),
        ('a "b"', "null", [], "", [3]),
        ('a "b"', "blank_text", [], "", [4]),
        ('a "b"', "empty", [], "", [3, 4]),
        ('a "b"', "not_empty", [], "", [1, 2, 5]),
        ("zip", "is", ["12"], "", [2]),
        ("zip", "is", ["0012"], "1", [1]),
        ("id", "gt", ["2"], "", [3, 4, 5]),
        ("id", "between", ["2", ""], "", [2, 3, 4, 5]),
        ("id", "between", ["", "2.5"], "", [1, 2]),
        ("id", "between", ["> 2", ""], "", [3, 4, 5]),
        ("id", "between", [">=2", " "], "", [2, 3, 4, 5]),
        ("id", "from_to", ["", "<3"], "", [1, 2]),
        ("id", "from_to", ["2", "4"], "", [2, 3]),
        ("id", "between", ["10", "2"], "", [2, 3, 4, 5]),
        ("day", "between", ["2026-01-05", "2026-01-01"], "", [1, 2]),
        ("id", "is", ["2.0"], "", [2]),
        ("yes", "yes", [], "", [1, 4, 5]),
        ("yes", "no", [], "", [2]),
        ("day", "between", ["2026-01-01", "2026-01-05"], "", [1, 2]),
    ],
)
def test_a_condition_finds_what_its_words_say(table, web, path, column, op, values, exact, found):
    copied(table, NAMES, VALUES)
    answer = web.get(f"{path}filter/", {"do": "add", "c": column, "op": op, "v": values, "exact": exact})
    assert filter_of(answer)
    assert ids(web.get(answer["Location"])) == found


@pytest.mark.parametrize("sent", ["Price\nin EUR", "Price\r\nin EUR", "Pricein EUR"])
def test_a_column_with_a_line_break_is_found_by_what_forms_send(table, web, path, sent):
    # A form sends "\r\n" (https://url.spec.whatwg.org/#urlencoded-serializing), a field of one line no break at all.
    copied(table, ["id", "Price\nin EUR"], [[number, number] for number in range(1, 6)])
    answer = web.get(f"{path}filter/", {"do": "add", "c": sent, "op": "between", "v": ["2", "3"]})
    assert '"Price\nin EUR"' in filter_of(answer)
    assert ids(web.get(answer["Location"])) == [2, 3]
    typed = {"filter": f'"{sent}" > 4', "sort": sent, "order": "desc"}
    assert ids(web.get(path, typed)) == [5]
    form = dom(web.get(f"{path}filter/form/", {**typed, "at": "0"}))
    assert [one.get("value") for one in form.findall(".//input[@name='c']")][:1] == ["Price\nin EUR"]


def test_a_relative_range_stays_relative_and_uses_the_zone_of_the_user(table, web, path):
    web.cookies["timezone"] = "Pacific/Kiritimati"  # 14 hours ahead of UTC
    with timezone.override("Pacific/Kiritimati"):
        today = timezone.localdate()
    days = [(today - timedelta(days=back)).isoformat() for back in (-1, 0, 6, 7)]
    copied(table, ["id", "today"], [[n, day] for n, day in enumerate(days)])
    answer = web.get(f"{path}filter/", {"do": "add", "c": "today", "op": "last_days", "v": "7"})
    assert filter_of(answer) == "today BETWEEN TODAY() - 6 AND TODAY()"
    assert ids(web.get(answer["Location"])) == [1, 2]


def test_conditions_are_added_replaced_removed_and_loosened(copy, web, path):
    query = "filter=id+%3E+100&sort=price&order=desc&limit=25&page=2&row=30"
    answer = web.get(f"{path}filter/?{query}&do=add&c=note&op=is&v=note+2&exact=1")
    kept = "sort=price&order=desc&limit=25"
    assert answer["Location"] == f"{path}?filter=id+%3E+100+AND+note+%3D+%27note+2%27&{kept}"
    change = answer["Location"].replace("?", "filter/?")
    assert web.get(f"{change}&do=add&c=note&op=is&v=note+2&exact=1")["Location"] == answer["Location"]
    assert filter_of(web.get(f"{change}&do=remove&at=0")) == "note = 'note 2'"
    assert filter_of(web.get(f"{change}&do=loosen&at=1")) == "id > 100 AND note ILIKE 'note 2'"
    assert filter_of(web.get(f"{change}&do=loosen&at=0")) == "id >= 100 AND note = 'note 2'"
    assert filter_of(web.get(f"{change}&do=set&at=0&c=id&op=lt&v=5")) == "id < 5 AND note = 'note 2'"
    assert filter_of(web.get(f"{change}&do=set&any=1")) == "id > 100 OR note = 'note 2'"
    either = web.get(f"{change}&do=add&at=1&c=note&op=null")
    assert filter_of(either) == "id > 100 AND (note = 'note 2' OR note IS NULL)"
    inner = either["Location"].replace("?", "filter/?")
    assert filter_of(web.get(f"{inner}&do=remove&at=1.0")) == "id > 100 AND note IS NULL"


def test_what_is_no_chip_stays_as_it_was_typed(copy, web, path):
    typed = "NOT  id=7 AND price>3"
    answer = web.get(f"{path}filter/", {"filter": typed, "do": "add", "c": "note", "op": "null"})
    assert filter_of(answer) == "NOT  id=7 AND price > 3 AND note IS NULL"
    whole = web.get(f"{path}filter/", {"filter": "id = 7 OR id<>8 AND id=9", "do": "add", "c": "note", "op": "null"})
    assert filter_of(whole) == "(id = 7 OR id<>8 AND id=9) AND note IS NULL"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "can't be used"),
        ("do=add", "Choose a comparison."),
        ("do=add&op=is&v=1", "Choose a column."),
        ("do=add&c=id&op=nonsense", "can't be used"),
        ("do=add&c=id&op=gt&v=many", "many is not a number."),
        ("do=add&c=note&op=contains&v=", "Enter a value."),
        ("do=add&c=note&op=one_of", "Tick a value."),
        ("do=add&c=note&op=last_days&v=0", "Enter a number of days"),
        ("do=remove&at=3", "no longer part of the filter"),
        (f"do=add&c=note&op=is&v={'x' * 4000}", "longer than 4,000"),
    ],
)
def test_what_is_no_condition_is_refused_and_what_was_typed_stays(copy, web, path, query, sentence):
    page = web.get(f"{path}filter/?{query}")
    assert page.status_code == 422
    assert sentence in words(page)


CODES = """zip,order_id,city
00501,1234567890123456780,Alpha
501,1234567890123456781,Beta
0501,1234567890123456782,Gamma
501.0,1234567890123456783,Delta
02134,1234567890123456784,Epsilon
2134,1234567890123456785,Zeta
10001,1234567890123456786,Eta
10002,1234567890123456787,Theta
10003,1234567890123456788,Iota
N/A,1234567890123456789,Kappa
"""
WILD = """sku,note
AB_1,10% off
ABX1,10 off
AB-1,100 left
A_B1,50%
CD01,back\\slash
CD02,plain
CD03,under_score
CD04,plain
CD05,plain
CD06,plain
"""
WORDS = "id,order,group,from,to,when,end,select,not,in,like,null,true"
KEYWORDS = WORDS + "\n" + "".join(f"{n},a{n},g,x,y,2024-0{n}-01,1,s,n,i,l,u,t\n" for n in range(1, 10))


@pytest.fixture(params=["live", "copy"])
def found(request, account, key, web):
    """The first columns of the rows that a condition finds in a file; None where it is refused before any call."""

    def rows(content: str, column: str, op: str, value: str):
        source_id = account.upload("data.csv", content)
        synced(key)
        source = Source.objects.get(datasource_id=source_id)
        if request.param == "copy":
            names, *lines = [line.split(",") for line in content.splitlines()]
            copied(source, names, lines)
        assert bool(versions.current(source)) == (request.param == "copy")
        address = f"/sources/{source_id}/rows/"
        answer = web.get(f"{address}filter/", {"do": "add", "c": column, "op": op, "v": value, "exact": "1"})
        if answer.status_code == 422:
            assert not asked(account)
            assert request.param == "live"
            return None
        return [row[1] for row in body(web.get(answer["Location"]))]

    return rows


@pytest.mark.parametrize(
    ("column", "op", "value", "expected"),
    [
        ("zip", "is", "00501", ["00501"]),
        ("zip", "is", "501", ["501"]),
        ("zip", "is", "501.0", ["501.0"]),
        ("zip", "starts", "05", ["0501"]),
        ("order_id", "is", "1234567890123456782", ["0501"]),
        ("order_id", "gt", "1234567890123456787", ["10003", "N/A"]),
        ("order_id", "one_of", "1234567890123456784", ["02134"]),
    ],
)
def test_codes_are_matched_as_they_are_written(found, column, op, value, expected):
    assert found(CODES, column, op, value) == expected


@pytest.mark.parametrize(
    ("column", "op", "value", "expected"),
    [
        ("note", "contains", "%", ["AB_1", "A_B1"]),
        ("sku", "contains", "_", ["AB_1", "A_B1"]),
        ("sku", "starts", "AB_", ["AB_1"]),
        ("note", "contains", "\\", ["CD01"]),
        ("note", "is", "50%", ["A_B1"]),
    ],
)
def test_patterns_are_literal_or_refused_before_a_call(found, column, op, value, expected):
    assert found(WILD, column, op, value) in (expected, None if {"%", "_"} & set(value) and op != "is" else expected)


@pytest.mark.parametrize("column", WORDS.split(",")[1:])
def test_a_column_is_filtered_whatever_it_is_called(found, column):
    first = KEYWORDS.splitlines()[1].split(",")[WORDS.split(",").index(column)]
    assert "1" in found(KEYWORDS, column, "is", first)


def test_a_live_table_says_what_claro_cannot_do(table, web, path, account):
    for query, sentence in [
        ("op=contains&v=Acme", "can't ignore upper and lower case"),
        ("op=last_days&v=7", "can't count days back"),
        ("op=contains&v=50%25&exact=1", "can't look for the character %"),
    ]:
        page = web.get(f"{path}filter/?do=add&c=name&{query}")
        assert page.status_code == 422
        assert sentence in words(page)
    assert "need a whole-table copy" in words(web.get(f"{path}filter/form/?c=price"))
    assert not asked(account)
    answer = web.get(f"{path}filter/?do=add&c=price&op=lt&v=4.5")
    assert ids(web.get(answer["Location"])) == [1, 2]


def test_the_form_of_a_column_follows_its_kind(table, web, path):
    copied(table, NAMES, VALUES)
    number = dom(web.get(f"{path}filter/form/?c=id"))
    assert [one.get("value") for one in number.findall(".//input[@name='op']")][:1] == ["between"]
    text = dom(web.get(f"{path}filter/form/?c=zip"))
    assert text.find(".//select[@name='op']/option").get("value") == "contains"
    truth = web.get(f"{path}filter/form/?c=yes")
    assert "True" in words(truth)
    assert "False" in words(truth)
    edited = dom(web.get(f"{path}filter/form/?at=0&filter=zip+ILIKE+%27x%27"))
    assert edited.find(".//input[@id='filter-value']").get("value") == "x"
    assert edited.find(".//input[@name='do']").get("value") == "set"


@pytest.mark.parametrize(
    ("text", "op", "fields"),
    [
        ("id > 2", "between", ["> 2", ""]),
        ("id <= 2", "between", ["", "2"]),
        ("(id >= 2 AND id < 4)", "from_to", ["2", "4"]),
        ("id = 2", "is", ["2", ""]),
        ("day > '2026-01-05'", "gt", ["2026-01-05", ""]),
        ("zip BETWEEN '1' AND '5'", "between", ["1", "5"]),
        ("(zip >= '1' AND zip < '5')", "from_to", ["1", "5"]),
        ("zip BETWEEN TODAY() - 6 AND TODAY()", "last_days", ["7", ""]),
        ("(day >= '2026-01-01' AND day < '2026-02-01')", "from_to", ["2026-01-01", "2026-02-01"]),
    ],
)
def test_a_condition_that_is_opened_and_applied_stays_what_it_is(table, web, path, text, op, fields):
    copied(table, NAMES, VALUES)
    form = dom(web.get(f"{path}filter/form/", {"at": "0", "filter": text})).find(".//div[@id='filter-by']/form")
    given = [(one.get("name"), one.get("value")) for one in form.findall(".//input") if one.get("type") != "checkbox"]
    assert [value for name, value in given if name == "v"] == fields
    chosen = form.find(".//option[@selected]")
    given += [] if chosen is None else [("op", chosen.get("value"))]
    assert dict(given)["op"] == op
    exact = [("exact", "1")] if form.find(".//input[@type='checkbox'][@checked]") is not None else []
    answer = web.get(f"{path}filter/?{urlencode([*given, *exact])}")
    assert filter_of(answer) == text


@pytest.mark.parametrize("kind", ["live", "copy"])
@pytest.mark.parametrize("sign", ["IN", "NOT IN"])
def test_values_of_a_condition_that_are_not_frequent_stay_in_it(table, web, path, kind, sign):
    text = f"zip {sign} ('x', 'rare')" if sign == "IN" else "(zip NOT IN ('x', 'rare') OR zip IS NULL)"
    if kind == "copy":
        copied(table, NAMES, VALUES)
    page = dom(web.get(f"{path}filter/form/", {"at": "0", "filter": text}))
    [form] = [one for one in page.findall(".//div[@id='filter-by']/form") if "rare" in values_of(one)]
    given = [(one.get("name"), one.get("value")) for one in form.findall(".//input[@type='hidden']")]
    op = "one_of" if sign == "IN" else "not_one_of"
    assert op in [one.get("value") for one in (*form.iter("button"), *form.findall(".//option[@selected]"))]
    answer = web.get(f"{path}filter/?{urlencode([*given, ('op', op), *(('v', one) for one in values_of(form))])}")
    assert set(filter_of(answer)) == set(text)
    assert filter_of(answer).startswith(text.split("'")[0])


def values_of(form) -> list[str]:
    """The texts in the fields of a form, or beside the boxes that are ticked."""
    fields = [one for one in form.iter("input") if one.get("name") == "v"]
    return [one.get("value") for one in fields if one.get("type") != "checkbox" or one.get("checked") is not None]


def test_a_form_that_is_refused_keeps_what_was_ticked_and_says_what_it_changes(table, web, path):
    copied(table, ["zip"], [[value] for value in "aaabbbcd"])
    filter = "zip IN ('a', 'b')"
    assert filter_words(web.get(f"{path}filter/form/", {"at": "0", "filter": filter})) == "zip is a or b"
    sent = {"do": "set", "at": "0", "c": "zip", "op": "one_of", "filter": filter}
    page = web.get(f"{path}filter/", sent)
    assert (page.status_code, "Tick a value." in words(page)) == (422, True)
    assert filter_words(page) == "zip is a or b"
    boxes = dom(page).findall(".//div[@class='filter-value']//input")
    assert len(boxes) > 1
    assert not [one for one in boxes if one.get("checked") is not None]


def filter_words(page) -> str:
    return words(dom(page).find(".//p[@class='pop-title']"))


def test_a_live_range_compares_numbers_as_claro_documents_it(table, web, path):
    for op, values, text in (
        ("gt", ["100", ""], "price > 100"),
        ("between", ["1", " 2.5"], "price BETWEEN 1 AND 2.5"),
        ("between", ["1", ""], "price >= 1"),
        ("gt", ["b", "c"], "price > 'b'"),
        ("is", ["007", ""], "price = '007'"),
    ):
        answer = web.get(f"{path}filter/", {"do": "add", "c": "price", "op": op, "v": values, "exact": "1"})
        assert filter_of(answer) == text


def test_a_live_table_offers_both_truths(table, web, path):
    page = web.get(f"{path}filter/form/?c=yes")
    assert filter_of(web.get(link(page, "Is true"))) == "yes = true"
    assert filter_of(web.get(link(page, "Is false"))) == "yes = false"


def test_a_condition_is_added_to_a_filter_with_a_group(table, web, path):
    copied(table, NAMES, VALUES)
    before = "(id = 1 AND zip = '0012') OR id > 3"
    answer = web.get(f"{path}filter/", {"filter": before, "do": "add", "c": "yes", "op": "yes"})
    assert filter_of(answer) == f"({before}) AND yes = true"
    assert ids(web.get(answer["Location"])) == [1, 4, 5]
    more = {"filter": filter_of(answer), "do": "add", "c": "id", "op": "lt", "v": "4"}
    assert ids(web.get(web.get(f"{path}filter/", more)["Location"])) == [1]
    # One of the inner group can't get another beside it: it would be a group of a group of a group.
    asked = {"filter": before, "do": "add", "at": "0.0", "c": "id", "op": "gt", "v": "4"}
    refused = web.get(f"{path}filter/", asked)
    assert (refused.status_code, "grouped one level deep" in words(refused)) == (422, True)


def test_conditions_are_joined_by_the_other_word_and_get_one_beside_them(table, web, path):
    copied(table, NAMES, VALUES)
    page = dom(web.get(f"{path}?filter=id+<+3+AND+id+>+1&limit=25"))
    [word] = page.findall(".//a[@class='chip-joined']")
    assert words(word) == "and"
    answer = web.get(word.get("href"))
    assert answer["Location"] == f"{path}?filter=id+%3C+3+OR+id+%3E+1&limit=25"
    form = dom(web.get(f"{path}filter/form/?filter=id+<+3+AND+zip+=+'x'&at=1")).findall(".//div[@id='filter-by']/form")[
        -1
    ]
    assert [one.get("value") for one in form.findall(".//option")] == NAMES
    given = {one.get("name"): one.get("value") for one in form.findall(".//input")}
    other = web.get(f"{path}filter/form/?{urlencode({**given, 'c': 'id'})}")
    assert words(dom(other).find(".//p[@class='pop-title']")) == "zip is exactly x, or id:"
    fields = {
        one.get("name"): one.get("value") for one in dom(other).find(".//div[@id='filter-by']/form").findall(".//input")
    }
    answer = web.get(f"{path}filter/?{urlencode({**fields, 'v': '5'})}&v=")
    assert filter_of(answer) == "id < 3 AND (zip = 'x' OR id >= 5)"
    page = dom(web.get(answer["Location"]))
    line = page.find(".//div[@class='chips']")
    shown = [words(one if (text := one.find(".//bdi")) is None else text) for one in line]
    inner = page.findall(".//a[@class='chip-joined']")
    assert [words(one) for one in inner] == ["and", "or"]
    assert " ".join(shown) == "id < 3 and ( zip is exactly x or id ≥ 5 )"
    assert filter_of(web.get(inner[1].get("href"))) == "id < 3 AND (zip = 'x' AND id >= 5)"


def test_a_frequent_value_is_chosen_alone_by_a_link(table, web, path):
    copied(table, NAMES, VALUES)
    form = dom(web.get(f"{path}filter/form/?c=zip&filter=id+<+3"))
    [only] = [one.get("href") for one in form.findall(".//a[@class='only']") if words(one) == "Only 12"]
    assert filter_of(web.get(only)) == "id < 3 AND zip IN ('12')"


def test_a_live_table_is_not_asked_for_days_relative_to_today(table, web, path, account):
    page = web.get(path, {"filter": "day >= TODAY() - 6"})
    assert page.status_code == 409
    assert "A filter relative to today" in words(page)
    assert not asked(account)
    assert web.get(path, {"filter": "name = 'today ()'"}).status_code == 200

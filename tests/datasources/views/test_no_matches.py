"""What helps where no rows of a copy match: near values, and the conditions without which there are some."""

import pytest

from tests.datasources.views.conftest import dom, ids, words
from tests.support.copies import copied


def test_no_matches_offers_near_values_and_the_condition_to_loosen(table, web, path):
    brands = ["Acme"] * 4 + ["Acne"] + ["Borealis"] * 3
    copied(table, ["id", "brand", "price"], [[n, brand, n * 100] for n, brand in enumerate(brands, 1)])
    page = web.get(f"{path}", {"filter": "brand = 'acme' AND price > 100"})
    assert "brand is exactly acme leaves no rows." in words(page)
    links = {
        words(one).replace("“ ", "“").replace(" ”", "”"): one.get("href")
        for one in dom(page).findall(".//ul[@class='no-matches']//a")
    }
    assert ids(web.get(path + links["Change to “brand is acme”"])) == [2, 3, 4]
    assert ids(web.get(path + links["Acme"])) == [2, 3, 4]
    assert "4 in brand" in words(page)
    cut = web.get(f"{path}", {"filter": "brand ILIKE 'acmee'"})
    assert [words(one) for one in dom(cut).findall(".//ul[@class='no-matches']//a")][1:] == ["Acme", "Acne"]
    either = web.get(f"{path}", {"filter": "price > 700 AND price > 9000"})
    assert "price > 9,000 leaves no rows." in words(either)
    assert "price > 700 leaves" not in words(either)
    several = web.get(f"{path}", {"filter": "id > 0 AND price > 9000 AND brand = 'none'"})
    assert "price > 9,000 and brand is exactly none leaves no rows." in words(several)


@pytest.mark.parametrize(
    ("filter", "condition", "found"),
    [
        ("brand = 'nothing like it' AND price > 9000", "brand is exactly nothing like it and price > 9,000", 8),
        ("price = 5 OR price = 6", "price = 5 or price = 6", 8),
        ("id < 4 AND (price = 5 OR brand = 'x-x-x')", "price = 5 or brand is exactly x-x-x", 3),
        ("id = 1 AND id = 2 AND price = 300", "id = 2 and price = 300", 1),
    ],
)
def test_conditions_are_named_also_where_several_leave_no_rows(table, web, path, filter, condition, found):
    copied(table, ["id", "brand", "price"], [[n, "Acme", n * 100] for n in range(1, 9)])
    page = web.get(path, {"filter": filter})
    assert f"{condition} leaves no rows." in words(page)
    lines = [one for one in dom(page).findall(".//ul[@class='no-matches']/li") if condition in words(one)]
    [without] = [one for line in lines for one in line.iter("a")]
    assert len(ids(web.get(path + without.get("href")))) == found


def test_an_alternative_is_loosened_and_a_near_value_offered_once(table, web, path):
    copied(table, ["id", "brand"], [[n, "Acme"] for n in range(1, 4)])
    page = web.get(path, {"filter": "brand = 'acme' OR brand = 'acmee'"})
    links = [words(one) for one in dom(page).findall(".//ul[@class='no-matches']//a")]
    assert links.count("Acme") == 1
    assert any(one.startswith("Change to") for one in links)

"""The filters that a cell offers: "Only these" and "Not these" are each other's opposite, whatever the cell holds."""

import json

import pytest

from tests.datasources.views.conftest import dom, ids, words
from tests.support.copies import copied

MIXED = ["12", 12, "012", True, None, 12.5, "TRUE", "", "true", False, "x"]


@pytest.mark.parametrize("values", [[True, False, None, True], MIXED], ids=["truths", "mixed"])
def test_not_these_finds_what_only_these_leaves_out(table, web, path, values):
    copied(table, ["id", "value"], [[number, value] for number, value in enumerate(values, 1)])
    everything = set(range(1, len(values) + 1))
    for number, value in enumerate(values, 1):
        page = dom(web.get(f"{path}{number}/"))
        links = [one for one in page.iter("a") if "c=value" in one.get("href", "")]
        offers = {words(one).split(":")[0]: one.get("href") for one in links}
        # As text, 12 is another value than 012, and true another than TRUE.
        only, rest = (set(ids(web.get(offers[name], follow=True))) for name in ("Only these", "Not these"))
        assert only == {place for place, one in enumerate(values, 1) if _text(one) == _text(value)}
        assert rest == everything - only


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)

"""The calls of a key in the last hour."""

from django import template

from datasources.gateway.budget import Lane, Left, Minute
from datasources.templatetags.claro import count

register = template.Library()

CHART_HEIGHT = 40
LANE_WORDS = {
    Lane.PERSON: "browsing",
    Lane.LINK: "links",
    Lane.WATCH: "status checks",
    Lane.COPY: "background",
    Lane.TABLE: "copies",
    Lane.SPARE: "automatic copies",
}


@register.inclusion_tag("keys/_chart.html")
def calls_chart(history: list[Minute], left: Left | None) -> dict[str, object]:
    """A key's last hour as bars, a minute each, the lanes stacked; full height is the key's limit."""
    top = max([left.limit if left else 0, 1, *(minute.total for minute in history)])
    bars, sums = [], dict.fromkeys(Lane, 0)
    for place, minute in enumerate(history):
        y = CHART_HEIGHT
        for lane, n in minute.calls.items():
            sums[lane] += n
            if n:
                height = n * CHART_HEIGHT / top
                y -= height
                bars.append({"lane": lane, "x": place * 6, "width": 5, "y": f"{y:.1f}", "height": f"{height:.1f}"})
    words = [f"{count(n)} {LANE_WORDS[lane]}" for lane, n in sums.items() if n]
    if refused := sum(minute.refused for minute in history):
        words.append(f"{count(refused)} refused by Claro")
    chart = {"bars": bars, "width": len(history) * 6, "height": CHART_HEIGHT, "words": ", ".join(words) or "no calls"}
    return {"chart": chart}

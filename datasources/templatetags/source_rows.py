"""The repeated parts of the list of sources, rendered by functions: a template takes four times as long.

All text is escaped here. An attribute is without quotes where its value has only letters, digits, `-`, `/` and `:`.
Buttons and links are named by two elements: their verb in the table's header (`LABELS`), and the name of the file.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import roles
from accounts.roles import Action
from core.folding import marks
from core.text import visible
from datasources.claro import COMPLETED, FAILED, PROCESSING
from datasources.models import Source
from datasources.sources.durations import Pace
from datasources.templatetags import claro, lists

register = template.Library()

KNOWN = (COMPLETED, FAILED, PROCESSING)
# A longer name may be cut by the table, and is shown whole on hover.
LONG_NAME = 20
# So much of a failure's reason is a line or two.
REASON = 120
# So many tags are in a row.
SHOWN_TAGS = 3
# A margin would indent the next line where the row breaks here.
_GAP = "\N{EM SPACE}"
# Links out of the list lead to whole pages. A download button posts for itself.
_OF_BODY = (
    'hx-boost:inherited="false" hx-target:inherited="closest .download" hx-swap:inherited="outerHTML" '
    'hx-sync:inherited="closest .download:drop" hx-status:4xx:inherited="target:#trouble swap:innerHTML"'
)
# The ids of the verbs, as short as can be: they stand in every row.
LABELS = {"c": "Select", "r": "Rows of", "d": "Download", "s": "Share", "x": "Delete"}
# "f" is the form of the stars.
LABELS |= {"a": "Add to favourites", "u": "Remove from favourites"}


@register.simple_tag
def row_labels() -> SafeString:
    return SafeString("".join(f"<span hidden id={name}>{words}</span>" for name, words in LABELS.items()))


@register.simple_tag(takes_context=True)
def source_rows(context: template.Context) -> SafeString:
    """The bodies of the table, one for each of `groups`, with paces in `paces` and reasons in `failures`."""
    line = _Line(context)
    columns = 9 if len(context["keys"]) > 1 else 8
    bodies = []
    for group in context["groups"]:
        name = escape(visible(group.heading))
        head = f"<tr class=group><th colspan={columns} scope=rowgroup><bdi>{name}</bdi></th></tr>\n" if name else ""
        bodies.append(f"<tbody data-items {_OF_BODY}>\n{head}{''.join(map(line.html, group.sources))}</tbody>\n")
    return SafeString("".join(bodies))


@register.simple_tag(takes_context=True)
def status_chips(context: template.Context) -> SafeString:
    """Links that narrow the list to one status, with the counts of `found`."""
    found, shown = context["found"], context["state"]["status"]
    chips = [("all", "", "All", found.all_statuses)]
    chips += [(place, status, _status_word(status), n) for place, (status, n) in enumerate(found.statuses, 1)]
    return SafeString("\n".join(_chip(context, *chip, is_shown=chip[1] == shown) for chip in chips))


def _chip(context: template.Context, name: object, status: str, word: str, n: int, *, is_shown: bool) -> str:
    href = escape(claro.query(context, status=status))
    current = ' aria-current="true"' if is_shown else ""
    return f'<a class="chip" id="status-{name}" href="{href}"{current}>{word} <b>{claro.count(n)}</b></a>'


@register.simple_tag(takes_context=True)
def kind_options(context: template.Context) -> SafeString:
    """The content types of `found` with their counts, for a `select`; also the chosen one that no source has."""
    found, shown = context["found"], context["state"]["type"]
    types = found.types if not shown or shown in found.type_names else [*found.types, (shown, 0)]
    return SafeString("".join(_kind_option(kind, n, is_shown=kind == shown) for kind, n in types))


def _kind_option(kind: str, n: int, *, is_shown: bool) -> str:
    selected = " selected" if is_shown else ""
    return f'<option value="{escape(kind)}"{selected}>{escape(claro.kind(kind))} ({claro.count(n)})</option>'


@register.simple_tag
def status_badge(status: str) -> SafeString:
    """A status as icon and words, never colour alone."""
    return SafeString(f"<span {_status(status)}</span>")


@register.simple_tag
def pace_words(pace: Pace) -> SafeString:
    """The progress of a processing source: icon and words, never colour alone."""
    words = _pace(pace)
    return SafeString(f"<span class={_pace_looks(pace)}>{words}</span>" if words else "")


def _pace_looks(pace: Pace) -> str:
    return '"pace icon-alert-triangle"' if pace.is_unchecked or pace.is_slower else "pace"


def _pace(pace: Pace, status: str = "") -> str:
    """The words, in parts that a line break may separate. `status` begins the sentence."""
    if pace.is_unchecked:
        return f"{_unbroken('Not checked for ')}{claro.short_lasting(pace.checked_at)}"
    if not pace.since:
        return ""
    start = f"{status} {'again ' if pace.is_again else ''}for {'at least ' if pace.is_least else ''}".lstrip()
    words = f"{_unbroken(start)}{claro.short_lasting(pace.since)}"
    if not pace.usual:
        return words
    usual = _unbroken(f"({pace.usual.words})" if pace.is_slower else f"usually {pace.usual.words}")
    return f"{words}, {_unbroken('slower than usual')} {usual}" if pace.is_slower else f"{words}, {usual}"


def _unbroken(words: str) -> str:
    return words.replace(" ", "\xa0")  # an element for it would take more bytes


class _Line:
    """The values that all rows of a page share."""

    def __init__(self, context: template.Context):
        self._context = context
        self._now = timezone.now()
        self._paces, self._failures = context["paces"], context["failures"]
        self._search, self._favourites = context["found"].search, context["favourites"]
        self._of_files = context["tags"]
        self._has_key_column = len(context["keys"]) > 1
        # Resolving a path takes longer than all the rest of a row: a path is made once a key, then copied.
        self._paths: dict[object, tuple[Callable[[str, str], str], bool, bool]] = {}

    def html(self, source: Source) -> str:
        path, may_share, may_delete = self._of_key(source)
        uuid, name = str(source.datasource_id), escape(visible(source.name))
        shown = self._marked(visible(source.name)) if self._search.words else name
        shown = shown if name.isascii() else f"<bdi>{shown}</bdi>"
        whole = f' title="{name}"' if len(name) > LONG_NAME else ""
        pk = source.pk
        pace = self._paces.get(pk)
        its = str(pk)
        return (
            f"<tr id=source-{pk}{' class=is-unchecked' if pace and pace.is_unchecked else ''}>"
            f"<td><input type=checkbox name=source value={uuid} form=chosen "
            f'aria-labelledby="c {its}"></td>'
            f"<td class=icon-{claro.kind_icon(source.content_type)}>"
            f"<a class=name id={its} href={path(uuid, '')}{whole}>{shown}</a>"
            f"{self._id(source)}{_paces(source, pace) if pace else self._failure(source, path)}"
            f"{self._tags(source)}</td>"
            f"<td {_status(source.status)}</td>"
            f"<td>{escape(claro.kind(source.content_type))}</td>"
            f"{_size(source.size_bytes)}<td>{self._ago(source.uploaded_at)}</td>"
            f"<td>{self._processed(source)}</td>"
            f"{self._key(source) if self._has_key_column else ''}<td>"
            f"{'' if source.has_failed else _link('table', path(uuid, 'rows/'), f'r {its}')}"
            f"{'' if source.is_processing else _download(source, path(uuid, 'download/'), f'd {its}')}"
            f"{_link('share', path(uuid, 'share/'), f's {its}') if may_share else ''}"
            f"{_link('trash', path(uuid, 'delete/'), f'x {its}') if may_delete else ''}"
            f"{self._star(source, its)}</td></tr>\n"
        )

    def _marked(self, name: str) -> str:
        """The name with the words of the search marked."""
        return _marked(name, marks(name, self._search.words))

    def _id(self, source: Source) -> str:
        """The id, where the search found it."""
        found = self._search.length_in_id(source)
        return f"<p class=pace>Id {_marked(str(source.datasource_id), [(0, found)])}</p>" if found else ""

    def _tags(self, source: Source) -> str:
        """The first tags of a file as links that filter the list by them, and the number of the others."""
        tags = self._of_files.get(source.datasource_id)
        if not tags:
            return ""
        chips = [lists.tag_name(tag, claro.query(self._context, tag=tag.pk)) for tag in tags[:SHOWN_TAGS]]
        more = f"<span class=tag>+{len(tags) - SHOWN_TAGS}</span>" if len(tags) > SHOWN_TAGS else ""
        return f"<div class=tags>{''.join(chips)}{more}</div>"

    def _star(self, source: Source, its: str) -> str:
        """A button of the form `f` beside the table, which knows its file by its name; with a value it ends it."""
        value, label = (" value=0", "u") if source.datasource_id in self._favourites else ("", "a")
        return f'<button form=f name={source.pk}{value} aria-labelledby="{label} {its}"></button>'

    def _failure(self, source: Source, path: Callable[[str, str], str]) -> str:
        """Why a source failed, shortened (the details page has all of it), and the corrected file or the way to one."""
        failure = self._failures.get(source.pk)
        if not failure:
            return ""
        reason = visible(failure.reason)
        parts = [f"<bdi>{escape(f'{reason[:REASON]}…' if len(reason) > REASON else reason)}</bdi>"] if reason else []
        if failure.corrected_by:
            name = escape(visible(failure.corrected_name))
            parts.append(f"Corrected by <a href={path(str(failure.corrected_by), '')}><bdi>{name}</bdi></a>")
        elif roles.may(source.key.role, Action.UPLOAD):
            href = path(str(source.datasource_id), "correct/")
            parts.append(f"<a href={href}>Upload a corrected file</a>")
        return f"<p class=pace>{' '.join(parts)}</p>" if parts else ""

    def _of_key(self, source: Source) -> tuple[Callable[[str, str], str], bool, bool]:
        known = self._paths.get(source.key_id)
        if not known:
            details = claro.source_url(self._context, "sources:details", source)
            start, _, query = details.partition(f"{source.datasource_id}/")
            query = escape(query)
            quote = '"' if query else ""

            def path(uuid: str, page: str) -> str:
                return f"{quote}{start}{uuid}/{page}{query}{quote}"

            may = [roles.may(source.key.role, action) for action in (Action.SHARE, Action.DELETE)]
            known = self._paths[source.key_id] = (path, *may)
        return known

    def _ago(self, at: datetime | None) -> str:
        return claro.short_ago(at, self._now) if at else "–"

    def _processed(self, source: Source) -> str:
        if not source.processed_at:
            return "not yet"
        took = source.took
        return f"{self._ago(source.processed_at)}{f' <small>took {claro.duration(took)}</small>' if took else ''}"

    def _key(self, source: Source) -> str:
        label = escape(source.key.label)
        return f'<td class=clip title="{label}">{label}</td>'


def _marked(text: str, ranges: Sequence[tuple[int, int]]) -> str:
    """The text as HTML, with these parts of it in `mark`."""
    html, at = [], 0
    for start, stop in ranges:
        html += escape(text[at:start]), f"<mark>{escape(text[start:stop])}</mark>"
        at = stop
    return "".join([*html, escape(text[at:])])


def _size(number: int | None) -> str:
    if number is None:
        return "<td class=num>–</td>"
    return f'<td class=num title="{claro.count(number)} bytes">{claro.short_size(number)}</td>'


def _paces(source: Source, pace: Pace) -> str:
    parts = [_pace(pace, "Processing")]
    if not pace.is_unchecked:
        checked = claro.short_ago(pace.checked_at or source.last_seen_at, timezone.now())
        parts.append(f"<i>Checked {checked}</i>")
    return f"<p class={_pace_looks(pace)}>{_GAP.join(filter(None, parts))}</p>"


def _status(status: str) -> str:
    """The rest of an element that begins, with its content."""
    look = status if status in KNOWN else PROCESSING
    return f'class="status-badge is-{look}">{_status_word(status)}'


def _status_word(status: str) -> str:
    return status.capitalize() if status in KNOWN else f"<bdi>{escape(visible(status)) or 'unknown'}</bdi>"


def _link(icon: str, path: str, label: str) -> str:
    return f'<a class=icon-{icon} href={path} aria-labelledby="{label}"></a>'


def _download(source: Source, path: str, label: str) -> str:
    """A button of the form `download` beside the table; its state (downloads/_state.html) takes its place."""
    act = f"form=download formaction={path} hx-post"
    button = f'<button class=icon-download {act} aria-labelledby="{label}"></button>'
    return f"<div class=download id=download-{source.pk}>{button}</div>"

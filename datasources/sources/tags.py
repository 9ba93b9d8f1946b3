"""Tags: words that users put on files, for themselves or for a team. They belong to the file, whichever key has it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django import forms
from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from accounts.models import Team, User
from accounts.quotas import require_room
from core import live
from core.queries import Prepared, Slot
from core.text import require_one_line, visible
from datasources import access
from datasources.access import READER, Space
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import KeyShare, Source, Tag, Tagging
from datasources.models.marks import NAME_MAX, fold

_SEEN = Prepared(lambda: access.tags_for(READER))


class NameTaken(Exception):
    """The user or the team has another tag of this name."""


def tagged(tag: UUID | Slot, reader: User | Slot) -> QuerySet:
    """The ids of the sources with a tag, as a part of a query; none where the reader does not see the tag."""
    return Tagging.objects.filter(tag=tag, tag__in=access.tags_for(reader).values("pk")).values("datasource_id")


def seen(reader: User, space: Space) -> list[Tag]:
    """The tags that the reader sees in the space: those of its team, or their own; in all spaces both. One query."""
    return [tag for tag in _SEEN.objects(reader=reader.pk) if space.holds(tag.team_id)]


def of_sources(sources: Iterable[Source], seen: Sequence[Tag]) -> dict[UUID, list[Tag]]:
    """Those of the tags `seen` that each source has, in their order. One query, none without sources or tags."""
    ids = [source.datasource_id for source in sources]
    if not ids or not seen:
        return {}
    place = {tag.pk: place for place, tag in enumerate(seen)}
    on: dict[UUID, list[int]] = defaultdict(list)
    found = Tagging.objects.filter(datasource_id__in=ids, tag__in=list(place))
    for datasource_id, tag_id in found.values_list("datasource_id", "tag"):
        on[datasource_id].append(place[tag_id])
    return {datasource_id: [seen[one] for one in sorted(places)] for datasource_id, places in on.items()}


def counts(tags: Iterable[Tag], sources: Sequence[Source]) -> dict[UUID, int]:
    """How many of the sources have each of the tags. One query."""
    ids = [source.datasource_id for source in sources]
    found = Tagging.objects.filter(tag__in=[tag.pk for tag in tags], datasource_id__in=ids)
    return dict(found.values("tag").annotate(n=Count("pk")).values_list("tag", "n"))


def named(name: str, owner: User, team: Team | None) -> Tag:
    """The tag of this name, of the team or else of the user; a new one if there is none. Raises QuotaReached."""
    whose = {"team": team} if team else {"owner": owner}
    with transaction.atomic():
        mine = Tag.objects.filter(**whose)
        found = mine.filter(folded=fold(name)).first()
        if found:
            return found
        require_room(team or owner, "tags", mine)
        return Tag.objects.create(name=name, **whose)


def rename(tag: Tag, name: str, by: User) -> None:
    """Raises NameTaken."""
    before, tag.name = tag.name, name
    try:
        with transaction.atomic():
            tag.save(update_fields=["name", "folded"])
            _record(What.TAG_RENAMED, tag, by, before=before)
            _tell(tag)
    except IntegrityError:
        raise NameTaken from None


def delete(tag: Tag, by: User) -> None:
    """Takes the tag off all files, and away."""
    with transaction.atomic():
        _record(What.TAG_DELETED, tag, by)
        _tell(tag)
        tag.delete()


def put(tag: Tag, sources: Iterable[Source], by: User) -> None:
    """Puts the tag on the sources; where it is, it stays."""
    with transaction.atomic():
        new = _sorted_out(tag, sources, has_it=False)
        Tagging.objects.bulk_create(
            [Tagging(tag=tag, datasource_id=source.datasource_id) for source in new], ignore_conflicts=True
        )
        _record_files(What.TAG_PUT, tag, new, by)
        _tell(tag)


def take(tag: Tag, sources: Iterable[Source], by: User) -> None:
    """Takes the tag off the sources."""
    with transaction.atomic():
        old = _sorted_out(tag, sources, has_it=True)
        Tagging.objects.filter(tag=tag, datasource_id__in=[source.datasource_id for source in old]).delete()
        _record_files(What.TAG_TAKEN, tag, old, by)
        _tell(tag)


def _sorted_out(tag: Tag, sources: Iterable[Source], *, has_it: bool) -> list[Source]:
    """Those of the sources that have the tag, or that have it not."""
    by_id = {source.datasource_id: source for source in sources}
    on = set(Tagging.objects.filter(tag=tag, datasource_id__in=list(by_id)).values_list("datasource_id", flat=True))
    return [source for pk, source in by_id.items() if (pk in on) == has_it]


def _record_files(what: What, tag: Tag, sources: Sequence[Source], by: User) -> None:
    """One line however many files. A single one is named if the team sees it; its page shows the line too."""
    if not sources or not tag.team:
        return
    only = sources[0] if len(sources) == 1 else None
    if only and KeyShare.objects.filter(key=only.key_id, team=tag.team).exists():
        _record(what, tag, by, source=only, files=only.name)
    else:
        _record(what, tag, by, files="1 file" if only else f"{len(sources):,} files")


def _record(what: What, tag: Tag, by: User, *, source: Source | None = None, **details: str) -> None:
    """A user's own tags are nobody else's business."""
    if tag.team:
        log.record(what, by, about=tag.name, teams=[tag.team], source=source, **details)


def _tell(tag: Tag) -> None:
    """Open pages of all users who see the tag show the change."""
    people = tag.team.memberships.values_list("user", flat=True) if tag.team else [tag.owner_id]
    live.publish(people, "marks-changed")


class TagNameForm(forms.Form):
    name = forms.CharField(max_length=NAME_MAX, validators=[require_one_line], label="Name")

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class TeamField(forms.ModelChoiceField):
    def label_from_instance(self, team: Team) -> str:
        return visible(team.name)


class NewTagForm(TagNameForm):
    """A new tag: for the user alone, or for one of `teams`."""

    team = TeamField(Team.objects.none(), required=False, label="Visible to", empty_label="Only me")

    def __init__(self, teams: Sequence[Team], *args, **kwargs):
        super().__init__(*args, **kwargs)
        if teams:
            self.fields["team"].queryset = Team.objects.filter(pk__in=[team.pk for team in teams])
        else:
            del self.fields["team"]

"""Queries compiled to SQL once and reused: the ORM compiles several times slower than a database answers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field, QuerySet, Subquery
from django.db.models.base import ModelState
from django.db.models.query import get_related_populators


class Slot(Expression):
    """A place in a query where a value goes each time it is asked."""

    def __init__(self, name: str, output_field: Field):
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler, connection):
        return "%s", [self]


class Part(Subquery):
    """Up to `limit` rows of a subquery, from the place `first` on; a slice of a queryset accepts no slots."""

    def __init__(self, queryset: QuerySet, limit: Slot, first: Slot | None = None):
        super().__init__(queryset)
        self.limit, self.first = limit, first

    def as_sql(self, compiler, connection):
        sql, parameters = super().as_sql(compiler, connection)
        limit, first = compiler.compile(self.limit), compiler.compile(self.first) if self.first else ("0", ())
        return f"{sql[:-1]} LIMIT {limit[0]} OFFSET {first[0]})", (*parameters, *limit[1], *first[1])


class Parts(Expression):
    """The rows of several Parts; a union of querysets accepts no limits within it on every database."""

    def __init__(self, parts: Sequence[Part]):
        super().__init__(output_field=parts[0].output_field)
        self.parts = list(parts)

    def as_sql(self, compiler, connection):
        compiled = [compiler.compile(part) for part in self.parts]
        sql = " UNION ALL ".join(f"SELECT * FROM {part} AS part{place}" for place, (part, _) in enumerate(compiled))  # noqa: S608
        return f"({sql})", tuple(one for _, parameters in compiled for one in parameters)


class Prepared:
    """A query with slots, given by a function that is called once. The database is asked each time."""

    def __init__(self, query: Callable[[], QuerySet]):
        self._query = query
        self._sql = ""

    def rows(self, **values: Any) -> list[tuple]:
        """As `values_list` gives them."""
        self._write()
        database = connections[connection.alias]  # `connection` looks it up at each access
        given = [slot.output_field.get_db_prep_value(values[slot.name], database) for slot in self._slots]
        with database.cursor() as cursor:
            cursor.execute(self._sql, given)
            return self._converted(cursor.fetchall(), database)

    def objects(self, **values: Any) -> list[Any]:
        """The objects of a query, with its annotations and what it selects along (`select_related`)."""
        rows = self.rows(**values)
        model, own = self._own["model"], self._own["select_fields"]
        names = [self._columns[place][0].target.attname for place in own]
        related = get_related_populators(self._own, self._columns, connection.alias)
        found = []
        for row in rows:
            # Like Model.from_db, which takes three times as long: it visits each field and sends signals.
            one = model.__new__(model)
            one._state = ModelState()
            one._state.adding, one._state.db = False, connection.alias
            vars(one).update(zip(names, row[own[0] : own[-1] + 1], strict=True))
            for populator in related:
                populator.populate(row, one)
            for name, place in self._annotations.items():
                setattr(one, name, row[place])
            found.append(one)
        return found

    def _write(self) -> None:
        if self._sql:
            return
        compiler = self._query().query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        self._slots = [one for one in parameters if isinstance(one, Slot)]
        self._columns, self._own, self._annotations = compiler.select, compiler.klass_info, compiler.annotation_col_map
        self._converters = compiler.get_converters([column for column, _, _ in compiler.select])
        self._sql = _with_constants(sql, parameters)  # the last: another thread may be here too

    def _converted(self, rows: list[tuple], database: BaseDatabaseWrapper) -> list[tuple]:
        """As the ORM gives them: what the database has no type for (ids, times on SQLite) comes as text."""
        if not rows or not self._converters:
            return rows
        columns: list[Iterable] = list(zip(*rows, strict=True))
        for place, (converters, expression) in self._converters.items():
            for convert in converters:
                columns[place] = [convert(value, expression, database) for value in columns[place]]
        return list(zip(*columns, strict=True))


def _with_constants(sql: str, parameters: Sequence[Any]) -> str:
    """The SQL with every value written out; the slots stay places.

    SQLite compiles a query again, each time it is asked, if the value in a place decides on the use of an index.
    """
    quote = connection.schema_editor().quote_value
    values = ("%s" if isinstance(one, Slot) else str(quote(one)).replace("%", "%%") for one in parameters)
    return sql.replace("%%", "%%%%") % tuple(values)

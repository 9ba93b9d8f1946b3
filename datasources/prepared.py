"""Queries whose SQL is written once. The ORM takes several times as long to write it as a database to answer it."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import Expression, Field, QuerySet


class Slot(Expression):
    """A place in a query where a value goes each time it is asked."""

    def __init__(self, name: str, output_field: Field):
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler, connection):
        return "%s", [self]


class Prepared:
    """A query with slots, given by a function that is called once; its rows come as the database has them."""

    def __init__(self, query: Callable[[], QuerySet]):
        self._query = query
        self._sql: tuple[str, tuple] | None = None

    def rows(self, **values: Any) -> list[tuple]:
        if self._sql is None:
            self._sql = self._query().query.sql_with_params()
        sql, parameters = self._sql
        given = [self._for_database(one, values[one.name]) if isinstance(one, Slot) else one for one in parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, given)
            return cursor.fetchall()

    @staticmethod
    def _for_database(slot: Slot, value: Any) -> Any:
        return slot.output_field.get_db_prep_value(value, connection)

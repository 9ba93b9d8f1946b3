"""Why a copy gives no rows, in words for the page."""

from dataclasses import dataclass

from datasources.copies import opened
from datasources.copies.checks import UnknownCheck
from datasources.copies.filters import FilterError
from datasources.copies.folding import CannotFold
from datasources.copies.opened import Busy, TooSlow
from datasources.copies.orders import CannotSort
from datasources.copies.search import NotFolded
from datasources.rows.reading import ForClaro, NeedsCopy, Unopened


@dataclass(frozen=True)
class Problem:
    title: str
    text: str
    status: int
    # The page tries again automatically.
    is_passing: bool = False
    # Another try may help, and fewer rows to look through.
    is_slow: bool = False
    # Where the filter can't be read further, from 0.
    position: int | None = None


def of(error: Exception) -> Problem:
    """The problem behind one of reading.UNANSWERED, or NeedsCopy."""
    match error:
        case NeedsCopy():
            return Problem("This needs a copy of the whole table", "Open the table to copy it.", 409)
        case Unopened():
            return Problem("The whole-table copy can't be opened now", f"{error} Try again later.", 503, is_slow=True)
        case ForClaro():
            rest = "Claro can't search, check, or sort by several columns. Remove these, or change the filter."
            return Problem("Only Claro may be able to read this filter", f"{error} {rest}", 422)
        case FilterError():
            return Problem("This filter doesn't work", error.message, 422, position=error.position)
        case CannotSort():
            return Problem("These rows can't be sorted like this", str(error), 422)
        case UnknownCheck():
            return Problem(
                "There is no such check", "Open the columns of the table for the checks that there are.", 422
            )
        case CannotFold():
            return Problem("The search can't be prepared", str(error), 503, is_slow=True)
        case NotFolded():
            text = "The first search of a large table takes a moment. The rows appear automatically."
            return Problem("Preparing the search", text, 202, is_passing=True)
        case Busy():
            text = "Your other queries are still running, or the copy is being opened. Retries automatically."
            return Problem("Not ready yet", text, 503, is_passing=True)
        case TooSlow():
            text = "The dashboard stopped the query. Try again, or look through fewer rows."
            return Problem(f"This took longer than {opened.SECONDS:.0f} s", text, 503, is_slow=True)
    raise error

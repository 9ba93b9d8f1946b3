"""Names that this process has noted a moment ago, so that a page does not ask Redis about them again."""

import time
from collections.abc import Hashable

_MOST = 10_000


class Lately:
    """Names that were noted within the last `seconds`."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._noted: dict[Hashable, float] = {}

    def is_new(self, name: Hashable) -> bool:
        """Whether the name was not noted lately; it is now."""
        now = time.time()
        if 0 <= now - self._noted.get(name, -self._seconds) < self._seconds:
            return False
        if len(self._noted) >= _MOST:
            self._noted.clear()
        self._noted[name] = now
        return True

    def forget(self) -> None:
        """Also for tests, whose rows have the ids of earlier ones."""
        self._noted.clear()

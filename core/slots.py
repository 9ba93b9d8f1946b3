"""How much is under way at once in this process."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping


class Slots:
    """`held` counts slots by name."""

    def __init__(self) -> None:
        self.held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, limits: Mapping[str, int]) -> bool:
        """Reserves a slot under each name, or none if one of the limits is reached. Never waits."""
        with self._lock:
            if any(self.held[name] >= limit for name, limit in limits.items()):
                return False
            self.held.update(limits.keys())
            return True

    def give_back(self, names: Iterable[str]) -> None:
        with self._lock:
            self.held.subtract(names)
            self.held += Counter()  # forgets names that hold nothing

"""Rate limits of password attempts: a few are free, then each further one waits longer.

An attempt that is too early is not checked, so it costs no hashing. Redis counts: simultaneous attempts are checked no
more often than sequential ones. Raises RedisError without Redis, because an unlimited password protects nothing.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.redis import connection


@dataclass(frozen=True)
class Pace:
    """How many guesses are free, and how the pauses after them grow."""

    free: int
    first_s: float
    longest_s: float
    forget_s: int = 3600


# Of one network or device at one secret: after five the next waits 5 s, then 10 s, 20 s … 10 min.
OF_ONE = Pace(free=5, first_s=5, longest_s=600)
# Of all together at one secret: a second, then more, but never so long that its owner is kept out for good.
OF_ALL = Pace(free=20, first_s=1, longest_s=60)


class TooManyGuesses(Exception):
    """The next guess is checked in `wait_s` seconds."""

    def __init__(self, wait_s: int):
        super().__init__(f"Wait {wait_s} s.")
        self.wait_s = wait_s


class Guess:
    """One attempt at the secret `what`, counted for each of these sources of attempts at its own pace."""

    def __init__(self, what: str, guessers: Sequence[tuple[str, Pace]]):
        # The braces keep all of it on one node of a Redis cluster. Hashed: an e-mail address is nobody's business.
        secret = hashlib.sha256(what.encode()).hexdigest()[:32]
        self._names = [
            f"claro:guesses:{{{secret}}}:{hashlib.sha256(who.encode()).hexdigest()[:32]}" for who, _ in guessers
        ]
        self._paces = [pace for _, pace in guessers]

    def count(self) -> bool:
        """Before the guess is checked: true where the next one will have to wait. Raises TooManyGuesses."""
        paces = [(pace.free, pace.first_s, pace.longest_s, pace.forget_s) for pace in self._paces]
        numbers = [time.time(), *(number for pace in paces for number in pace)]
        wait_s = float(_script()(keys=self._names, args=numbers, client=connection()))
        if wait_s > 0:
            raise TooManyGuesses(int(wait_s) + 1)
        return wait_s < 0

    def was_right(self) -> None:
        """Takes the guess back: it was none. Those of others stay counted."""
        with connection().pipeline() as pipe:
            for name in self._names:
                pipe.hincrby(name, "count", -1)
                pipe.hdel(name, "until")
            pipe.execute()


@lru_cache(maxsize=1)
def _script():
    return connection().register_script(Path(__file__).with_suffix(".lua").read_text())

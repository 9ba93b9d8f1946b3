"""What other programs of this machine do while ours run."""

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

# Of one core. The machine's own services take a few hundredths.
BUSY = 0.25


@dataclass
class Foreign:
    """`cores` is how many cores other programs kept busy on average."""

    cores: float = 0.0

    @property
    def is_busy(self) -> bool:
        return self.cores > BUSY


@contextlib.contextmanager
def foreign() -> Iterator[Foreign]:
    """Filled at the end of the block, in which this process has waited for all that it started."""
    found = Foreign()
    started, busy_s, own_s = time.monotonic(), _busy_s(), _own_s()
    yield found
    found.cores = (_busy_s() - busy_s - (_own_s() - own_s)) / (time.monotonic() - started)


def _busy_s() -> float:
    times = psutil.cpu_times()._asdict()
    # A guest's time is part of `user` as well.
    return sum(seconds for name, seconds in times.items() if name not in ("idle", "iowait", "guest", "guest_nice"))


def _own_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = os.times()
    return ours.user + ours.system + ended.ru_utime + ended.ru_stime

"""Timings taken in turns, so that a busy moment of the machine meets all alike, and what they come to."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

WARM_UP = 5


@dataclass(frozen=True)
class Figure:
    """One line of the table: what we need, what it is held against, and the one over the other."""

    what: str
    ours: str
    against: str
    ratio: str


def in_turns(actions: dict[str, Callable[[], object]], rounds: int, warm_up: int = WARM_UP) -> dict[str, list[float]]:
    """The milliseconds each action took, round by round; within a round the order is random."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(-warm_up, rounds):
        for name in random.sample(list(actions), len(actions)):
            took = timed(actions[name])
            if number >= 0:
                times[name].append(took)
    return times


def timed(action: Callable[[], object]) -> float:
    """How many milliseconds it takes."""
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def memory_mb(pid: int) -> float:
    """The resident memory of the process."""
    return status(pid, "VmRSS") / 1024


def status(pid: int, name: str) -> int:
    """A number of /proc: `VmRSS` in kB, `Threads`."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def times(what: str, ours: list[float], against: list[float], name: str, limit: float | None = None) -> Figure:
    """Medians, and the median of the rounds' ratios with the range of its middle half; `limit` is shown with it."""
    ratios = [one / other for one, other in zip(ours, against, strict=True)]
    ratio = _spread(ratios, "×") if limit is None else f"{_spread(ratios, '×', 3)}, limit {limit}×"
    return Figure(what, f"{median(ours):.1f} ms", f"{name}, {median(against):.1f} ms", ratio)


def above(what: str, ours: list[float], against: list[float], name: str) -> Figure:
    """The same with the milliseconds that come on top."""
    differences = [one - other for one, other in zip(ours, against, strict=True)]
    ratios = [one / other for one, other in zip(ours, against, strict=True)]
    ratio = f"{_spread(ratios, '×')}, {_spread(differences, ' ms')} more"
    return Figure(what, f"{median(ours):.1f} ms", f"{name}, {median(against):.1f} ms", ratio)


def calls(what: str, ours: int, least: int, name: str = "the least possible") -> Figure:
    """API calls made, and those it takes at least."""
    word = "call" if ours == 1 else "calls"
    return Figure(what, f"{ours} {word}", f"{name}, {least}", f"{ours / least:.1f}×")


def table(figures: Iterable[Figure]) -> str:
    """As Markdown, which is readable as it is."""
    lines = [("What", "Ours", "Against", "Ratio (middle half)")]
    lines += [(one.what, one.ours, one.against, one.ratio) for one in figures]
    widths = [max(len(line[place]) for line in lines) for place in range(4)]
    rows = [
        "| " + " | ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([rows[0], "| " + " | ".join("-" * width for width in widths) + " |", *rows[1:]])


def _spread(values: list[float], unit: str, digits: int = 1) -> str:
    low, middle, high = quantiles(values, n=4)
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"

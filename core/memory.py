"""Memory that a process has freed goes back to the system."""

import ctypes

# Numbers of glibc's malloc.h (https://man7.org/linux/man-pages/man3/mallopt.3.html).
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
ARENAS = 2
MMAP_FROM_BYTES = 128 * 1024


def return_freed() -> None:
    """Limits what glibc keeps; does nothing with another C library.

    By default each thread has an arena of its own, and the threshold for blocks that are returned grows with the
    largest one. After the largest answers of Claro a web process then held 490 MB, with these settings 390 MB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_ARENA_MAX, ARENAS)
        mallopt(_MMAP_THRESHOLD, MMAP_FROM_BYTES)

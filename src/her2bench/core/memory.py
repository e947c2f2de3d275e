"""Tell the C allocator to keep the memory it has: the one place that deals with page faults.

Networks on large tiles allocate and free activations of many megabytes at every step. By
default glibc maps and unmaps them from the operating system each time, and the page faults
can take most of the step. Other C libraries (macOS, Windows, musl) are left as they are.

A threshold of -1 means that the heap is never trimmed. Any other, even the largest, is passed by
networks like mini-HAHNet at every step, and costs them half of their speed.
"""

import ctypes
import functools
import sys

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # names and numbers of malloc.h


@functools.cache
def keep_memory() -> bool:
    """Set glibc's malloc to keep freed memory, once a process; False where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, 256 * 2**20))
    accepted = [mallopt(option, value) == 1 for option, value in settings]
    return all(accepted)


def release_memory() -> bool:
    """Give freed memory back to the operating system; False where there is no glibc."""
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1

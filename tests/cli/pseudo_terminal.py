"""A command in a pseudo-terminal: what it writes, and what a key or a signal does to it."""

import os
import re
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Screen:
    """What a command wrote, with all control sequences, and its exit status."""

    code: int
    raw: str

    @property
    def lines(self) -> list[str]:
        """All states of all lines, without control sequences."""
        states = re.split(r"[\r\n]+", CONTROL.sub("", self.raw))
        return [line.rstrip() for line in states if line.strip()]

    @property
    def cursor_is_shown(self) -> bool:
        """Whether the cursor, where it was hidden, is shown again at the end."""
        return self.raw.rfind("\x1b[?25h") >= self.raw.rfind("\x1b[?25l")


MODULE = ("-m", "her2bench")


def in_terminal(
    command, columns=80, stop=None, after="", limit=570, program=MODULE, **options
) -> Screen:
    """Run `python -m her2bench` in a terminal of its own.

    Args:
        command: its arguments.
        columns: width of the terminal.
        stop: sent once `after` was written; SIGINT as the key Ctrl-C.
        after: a text.
        limit: seconds, then it is killed.
        program: what Python runs.
        options: of the process.
    """
    import pty  # POSIX alone
    import termios
    from fcntl import ioctl

    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    # The terminal becomes the session's own, so that Ctrl-C is a signal there.
    start = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    start += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *map(str, (*program, *command))],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
        **options,
    )
    os.close(theirs)
    written, end = b"", time.monotonic() + limit
    while part := _read(ours):
        written += part
        if stop is not None and after.encode() in written:
            if stop == signal.SIGINT:
                os.write(ours, b"\x03")
            else:
                process.send_signal(stop)
            stop = None
        if time.monotonic() > end:
            process.kill()
    os.close(ours)
    return Screen(process.wait(), written.decode("utf-8", "replace"))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""

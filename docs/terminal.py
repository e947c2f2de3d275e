"""Writes terminal.md: what `her2bench compare` prints in 80 and 120 columns, and piped.

python docs/terminal.py build/phantom-comparison
"""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from pathlib import Path

PAGE = Path(__file__).with_name("terminal.md")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
HEAD = """# In the terminal

What `her2bench compare phantom` prints when its folder is finished, as `make compare` ends.
The verdict comes first; `--details` adds all splits, metrics, pairs and notes. Without a terminal,
`compare` prints on stderr a line per finished run while it trains, and one when it makes scores,
pictures and report.
`python docs/terminal.py build/phantom-comparison` writes this page.
"""


def main() -> None:
    """Run the command at each width and write the page."""
    folder = sys.argv[1]
    command = [sys.executable, "-m", "her2bench", "compare", "phantom", "-o", folder]
    parts = [HEAD]
    for title, columns in (("80 columns", 80), ("120 columns", 120), ("Piped", None)):
        parts.append(f"## {title}\n\n```text\n{printed(command, columns)}\n```\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8", newline="\n")


def printed(command: list[str], columns: int | None) -> str:
    """What a command prints in a terminal of so many columns, or into a pipe, as plain lines."""
    if columns is None:
        done = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
        text = done.stdout
    else:
        text = in_terminal(command, columns)
    lines = [last_state(line) for line in CONTROL.sub("", text).replace("\r\n", "\n").split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def last_state(line: str) -> str:
    """A line that was written over, as it stands at the end."""
    return line.rpartition("\r")[2]


def in_terminal(command: list[str], columns: int) -> str:
    """Standard output in a terminal of its own."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    environment["TERM"] = "xterm-256color"
    process = subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.DEVNULL, stdin=theirs, env=environment
    )
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        parts.append(part)
    if process.wait():
        sys.exit(f"{' '.join(command)} failed")
    return b"".join(parts).decode("utf-8")


if __name__ == "__main__":
    main()

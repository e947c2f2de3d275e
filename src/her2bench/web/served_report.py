"""report.html as served: the file, a link to the other page, and a policy."""

import base64
import hashlib
import re
from collections.abc import Iterator
from itertools import islice

from her2bench.core.runs import ComparisonFolder

_MOST_SCRIPTS = 100  # a report has a few; each is a hash in a header
_BODY = re.compile(rb"<body\b[^<>]{0,1000}>", re.IGNORECASE)
_BAR = (
    b'<nav aria-label="her2bench" style="font:14px/1.5 system-ui,sans-serif;padding:.4rem 1rem">'
    b'<a href="try">Classify tiles with these networks</a></nav>'
)


class ReportPage:
    """The report of a comparison, read again whenever the file has changed."""

    def __init__(self, folder: ComparisonFolder) -> None:
        self._folder, self._path, self._stamp = folder, folder.report, (0.0, 0)
        self._page, self._policy = b"", ""

    def read(self) -> tuple[bytes, str] | None:
        """The page and its Content-Security-Policy; None where there is no report yet.

        Raises:
            OSError: it cannot be read.
            UserError: it is damaged.
        """
        try:
            if self._path.exists() and not self._path.is_file():
                raise IsADirectoryError(f"{self._path.name} is not a file")
            stat = self._path.stat()
            if self._stamp != (stat.st_mtime, stat.st_size):
                self._folder.check(self._path)
                page = self._path.read_bytes()
                self._page, self._policy = with_bar(page), policy(page)
                self._stamp = stat.st_mtime, stat.st_size
        except FileNotFoundError:
            return None
        return self._page, self._policy


def with_bar(page: bytes) -> bytes:
    """The report with a link to the other page at the top of its body."""
    return _BODY.sub(lambda body: body[0] + _BAR, page, count=1)


def policy(page: bytes) -> str:
    """A policy under which a report's own scripts run, and no others; and no requests.

    The scripts are named by their hashes, so that no attribute such as `onerror` and nothing
    added later runs. The sandbox gives the report an origin of its own: it
    cannot send requests to this server.
    """
    hashes = [
        "'sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode() + "'"
        for script in dict.fromkeys(islice(_scripts(page), _MOST_SCRIPTS))
    ]
    return (
        f"default-src 'none'; script-src {' '.join(hashes) or chr(39) + 'none' + chr(39)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; "
        "sandbox allow-scripts allow-downloads allow-modals allow-popups"
    )


def _scripts(page: bytes) -> Iterator[bytes]:
    """The text between the tags; in one pass, also with unclosed tags."""
    lower, end = page.lower(), 0
    while (start := lower.find(b"<script", end)) >= 0:
        opened = lower.find(b">", start) + 1
        end = lower.find(b"</script", opened)
        if not opened or end < 0:
            return
        yield page[opened:end]

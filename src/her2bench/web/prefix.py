"""The path prefix of a proxy."""

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from her2bench.core.errors import UserError

_PREFIX = re.compile(r"(/[A-Za-z0-9_~.-]*[A-Za-z0-9_~-])+")


class Prefix:
    """Serves with and without the prefix, so a proxy may strip it or not."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == self._prefix:
            # Links are relative to the page, and so need the slash.
            last = self._prefix.rpartition("/")[2]
            await RedirectResponse(f"{last}/", 308)(scope, receive, send)
            return
        if path.startswith(self._prefix + "/"):
            scope = {**scope, "root_path": self._prefix}
        await self._app(scope, receive, send)


def prefix_of(text: str) -> str:
    """The prefix without its last slash; empty for none.

    >>> prefix_of("/her2/"), prefix_of("/")
    ('/her2', '')

    Raises:
        UserError: no path.
    """
    prefix = text.rstrip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise UserError(
            "--root-path",
            found=f"{text!r}",
            expected="a path of letters, digits and - _ . ~ that begins with a slash",
            hint="give the path of the server behind the proxy, such as /her2",
        )
    return prefix

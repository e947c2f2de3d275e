"""The web application: the report, the page to classify tiles, and the HTTP interface."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, StrictUndefined, Template
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from her2bench import __version__
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import model_label
from her2bench.web.answers import RESEARCH_USE, Health, ModelPredictions, Problem
from her2bench.web.pace import BadUpload, admitted
from her2bench.web.prefix import Prefix
from her2bench.web.security import LOCAL, Guard
from her2bench.web.served_report import ReportPage
from her2bench.web.service import Service
from her2bench.web.uploads import Limits, uploads

_AT_ONCE = 32  # uploads open at the same time, each with one file in memory
_PAGE = ["GET", "HEAD"]
_STATIC = {"try.css": "text/css", "try.js": "text/javascript"}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Tiles: JPEG, PNG, TIFF, BMP or WebP, one picture each.",
                        }
                    },
                }
            }
        },
    }
}
_REFUSALS = {
    400: "The form is malformed or incomplete.",
    403: "The request is from a page of another site.",
    408: "The upload timed out or was too slow.",
    413: "More bytes or parts than allowed per request.",
    415: "The body is not a multipart form.",
    421: "The Host header names another server.",
    422: "The form holds no file.",
    503: "No network of this comparison is finished, or the server is busy (Retry-After).",
}


def create_app(
    folder: ComparisonFolder,
    service: Service | None,
    limits: Limits | None = None,
    hosts: Iterable[str] = LOCAL,
    any_address: bool = False,
    public: Iterable[str] = (),
    prefix: str = "",
) -> ASGIApp:
    """The application for one comparison.

    Args:
        folder: the comparison, for its report.
        service: its networks; None where none is finished: only the report is shown.
        limits: of uploads.
        hosts: names under which the server may be addressed.
        any_address: whether it may also be addressed by any IP address.
        public: public host names, independent of the proxy's Host header.
        prefix: the path prefix of a proxy that does not strip it.
    """
    app = FastAPI(
        title="her2bench",
        version=__version__,
        summary="Classifiers of HER2 status on IHC tiles, compared.",
        description=f"{RESEARCH_USE} Score 2+ is equivocal.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # the absolute address would lose a proxy's prefix
        servers=[{"url": "."}],
        root_path_in_servers=False,
        lifespan=_closing(service),
    )
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(500, _failed)
    _add_pages(app, folder, service, limits or Limits())
    _add_interface(app, service, limits or Limits())
    return Guard(Prefix(app, prefix) if prefix else app, hosts, any_address, public)


def _add_pages(
    app: FastAPI, folder: ComparisonFolder, service: Service | None, limits: Limits
) -> None:
    report, template = ReportPage(folder), _template()
    page = template.render(service=service, limits=limits, research_use=RESEARCH_USE)

    @app.api_route("/", methods=_PAGE, include_in_schema=False)
    def show_report() -> Response:
        try:
            found = report.read()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return _no_report(f"report.html cannot be read ({why})")
        except UserError as error:
            return _no_report(f"{Path(error.where).name} {error.found}")
        if found is None:
            return _no_report("No report.html here yet")
        return HTMLResponse(found[0], headers={"Content-Security-Policy": found[1]})

    @app.api_route("/try", methods=_PAGE, include_in_schema=False)
    def show_try() -> HTMLResponse:
        return HTMLResponse(page)

    @app.api_route("/static/{name}", methods=_PAGE, include_in_schema=False)
    def show_static(name: str) -> Response:
        if name not in _STATIC:
            return JSONResponse({"error": "no such file"}, 404)
        content = files("her2bench.web").joinpath(name).read_bytes()
        return Response(content, media_type=_STATIC[name])


def _add_interface(app: FastAPI, service: Service | None, limits: Limits) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Is the server up?")
    def healthz() -> Health:
        models = [model.model for model in service.models] if service else []
        return Health(version=__version__, models=models)

    @app.post(
        "/predict",
        summary="Predictions of each model for some tiles",
        description=_about(limits),
        openapi_extra=_FORM,
        response_model=ModelPredictions,
        responses={
            code: {"model": Problem, "description": text} for code, text in _REFUSALS.items()
        },
    )
    async def predict(
        request: Request,
        pictures: bool = Query(False, description="Also return each tile and its heatmaps."),
    ) -> Response:
        if service is None:
            return _problem(503, "No network of this comparison is finished yet.")
        try:
            _check_length(request, limits)
            async with admitted(slots, limits.wait), _in_time(limits.answer):
                form = uploads(
                    aiter(request.stream()), request.headers.get("content-type", ""), limits
                )
                tiles = [answer async for answer in service.answers(form, pictures)]
        except BadUpload as refusal:
            return _problem(refusal.status, refusal.message)
        if not tiles:
            return _problem(422, "The form holds no file: send tiles in the field `files`.")
        answers = ModelPredictions(
            positive_means=service.positive_means, likeness=service.likeness, tiles=tiles
        )
        return Response(answers.model_dump_json(), media_type="application/json")


def _about(limits: Limits) -> str:
    return (
        f"At most {limits.files} files of {limits.file_bytes / 1e6:g} MB in one request. Files "
        "are read by their content, converted to RGB and resized, and never written to disk. Each "
        "file has its own result, in order: an unreadable one has `error`, the others are still "
        f"classified. {RESEARCH_USE}"
    )


def _check_length(request: Request, limits: Limits) -> None:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limits.total_bytes:
        raise BadUpload(413, f"More than {limits.total_bytes / 1e6:,.0f} MB in one request.")


def _problem(status: int, message: str) -> JSONResponse:
    again = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"error": message}, status, again)


def _no_report(found: str) -> Response:
    hint = "run her2bench report on the comparison's folder."
    return Response(f"{found}: {hint}", 404, media_type="text/plain")


async def _refused(request: Request, error: Exception) -> Response:
    """Errors of the routes, in the format of all errors."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    return _problem(500, "Internal server error; see the terminal of the server.")


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise BadUpload(503, f"The answer took more than {seconds:g} seconds.") from error


def _template() -> Template:
    text = files("her2bench.web").joinpath("try.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["label"] = model_label
    return environment.from_string(text)


def _closing(service: Service | None) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if service:
            service.close()

    return lifespan

"""Comparison folders with damaged files, read as report, predict, serve and compare read them."""

import base64
import io
import json
import shutil
import zlib
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import tomli_w
import torch
from fastapi.testclient import TestClient

from fuzz.comparison import without_figures
from fuzz.configs import literal
from fuzz.mutation import mutated, text
from fuzz.tables import odd_parquet
from fuzz.workspace import Workspace
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.checksums import RECORD, checksum, read_record, write_record
from her2bench.core.config import load_settings
from her2bench.core.runs import ComparisonFolder, opened_comparison
from her2bench.prediction.predict_files import predict_tiles
from her2bench.report.inputs import read_inputs
from her2bench.report.pages.report_page import write_report
from her2bench.web.app import create_app
from her2bench.web.service import opened_service

READERS = (*("material",) * 20, *("report", "serve", "serve", "predict", "predict") * 2, "compare")
_CHECKSUMS = ("stay", *("renewed",) * 4, *("none",) * 2)
_FIRST_LINE = b"# checksum "
_DRAWN = 0.01  # share of reports that are drawn whole; it takes seconds
_RUNS = ("x", "", "-1", "00", "1.5", "9" * 30, "٣", "7")
_NOT_READ = (".png", ".svg", ".html")


class Folders:
    """One to three files of a finished comparison changed, emptied, swapped or taken away.

    An input is a JSON file: the reader, the new content of each changed file (base64; null
    takes the file away), and whether the checksums stay, are renewed or are taken away: most of
    the damage is refused by them, and what lies behind must hold without them too.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._out, self._sound = workspace.out, workspace.shared / "comparison"
        shutil.copytree(workspace.shared / "tiles", workspace.out.parent / "tiles")
        self._stamps: dict[str, tuple[int, int]] = {}
        self._restore()
        self._files = [p for p in sorted(self._stamps) if not p.endswith(_NOT_READ)]
        self._weights = [p for p in self._files if p.endswith(".safetensors")]
        self._config = load_settings(ComparisonConfig, self._sound / "comparison.toml")
        self._choices = Choices("cpu", workspace.temporary / "cache", self_test=False, audit=False)
        self._tile = min((workspace.out.parent / "tiles").rglob("*.jpg"))

    def make(self, rng: Random) -> tuple[str, bytes]:
        reader = rng.choice(READERS)
        changes: dict[str, bytes | None] = {}
        if rng.random() < 0.15:
            changes |= self._renamed(rng)
        if rng.random() < 0.05:  # a run in a folder of another name
            place = f"runs/lenet/seed-{rng.choice(_RUNS)}/fold-{rng.choice(_RUNS)}"
            changes[f"{place}/DONE"] = b"threshold = 0.5"
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            path = rng.choice(self._files)
            if path in self._weights and rng.random() < 0.8:
                continue  # a kind of its own damages these
            changes[path] = self._changed(path, rng)
        kept = {p: c if c is None else base64.b64encode(c).decode() for p, c in changes.items()}
        given = {"reader": reader, "checksums": rng.choice(_CHECKSUMS), "changes": kept}
        return ".json", json.dumps(given).encode()

    def read(self, path: Path, rng: Random) -> None:
        given = json.loads(path.read_text(encoding="utf-8"))
        for name, content in given["changes"].items():
            file = self._out / name
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(base64.b64decode(content))
        try:
            if given["checksums"] != "stay":
                _vouch(self._out, list(given["changes"]), given["checksums"] == "renewed")
            self._ask(given["reader"], rng)
        finally:
            self._restore()

    def _ask(self, reader: str, rng: Random) -> None:
        folder = opened_comparison(self._out)
        if reader == "material":
            read_inputs(folder)
        elif reader == "report" and rng.random() < _DRAWN:
            write_report(folder)
        elif reader == "report":
            with without_figures():
                write_report(folder)
        elif reader == "serve":
            _serve(folder)
        elif reader == "compare":
            with without_figures():
                compare(self._config, self._out, self._choices, Watcher())
        else:
            predict_tiles(folder.run("lenet", 0, 0), [self._tile], torch.device("cpu"))

    def _changed(self, path: str, rng: Random) -> bytes | None:
        data = (self._sound / path).read_bytes()
        how = rng.choice(("gone", "empty", "swapped", "bytes", "values", "values", "values"))
        if how == "gone":
            return None
        if how == "empty":
            return rng.choice((b"", b"\x00" * len(data), b"{}", b"[]", b"\n"))
        if how == "swapped":
            return (self._sound / rng.choice(self._files)).read_bytes()
        if how == "values" and path.endswith(".parquet"):
            table = pl.read_parquet(io.BytesIO(data))
            return odd_parquet(table.to_dict(as_series=False), rng)
        if how == "values" and path.endswith(".json"):
            return json.dumps(_value_changed(json.loads(data), rng)).encode()
        if how == "values" and path.endswith((".toml", "DONE")):
            changed = _setting_changed(data.decode(), rng)
            return _sealed(changed) if data.startswith(_FIRST_LINE) else changed
        return mutated(data, rng)

    def _renamed(self, rng: Random) -> dict[str, bytes | None]:
        """A model, a slide or a tile under another name, the same in all tables and scores."""
        table = pl.read_parquet(self._sound / "predictions.parquet")
        old = rng.choice(("lenet", "lenet", table["group_id"][0], table["tile_id"][0]))
        new = rng.choice(("../../sentinel", text(rng))).encode("utf-8", "replace").decode()
        changes: dict[str, bytes | None] = {}
        for path in self._files:
            if path.endswith(".parquet"):
                stream = io.BytesIO()
                table = pl.read_parquet(self._sound / path)
                table.with_columns(pl.col(pl.String).replace(old, new)).write_parquet(stream)
                changes[path] = stream.getvalue()
            elif path.endswith(".json"):
                scores = (self._sound / path).read_text(encoding="utf-8")
                changes[path] = scores.replace(json.dumps(old), json.dumps(new)).encode()
        return changes

    def _restore(self) -> None:
        """Bring the folder back to its first state: what differs from it is copied or removed."""
        for entry in sorted(self._out.rglob("*"), reverse=True):
            name = entry.relative_to(self._out).as_posix()
            if not (self._sound / name).exists():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for entry in sorted(self._sound.rglob("*")):
            file = self._out / (name := entry.relative_to(self._sound).as_posix())
            if entry.is_dir():
                file.mkdir(exist_ok=True)
            elif not file.is_file() or _stamp(file) != self._stamps.get(name):
                shutil.copyfile(entry, file)
                self._stamps[name] = _stamp(file)


def _vouch(out: Path, changed: list[str], renewed: bool) -> None:
    """Let the checksums hold what the folder holds now, or know nothing of it."""
    folders = {out, *((out / name).parent for name in changed)}
    for record in (folder / name for folder in folders for name in ("DONE", RECORD)):
        try:
            known = read_record(record, sealed=False)
        except (ValueError, OSError):
            continue
        files = known.pop("files", None)
        if renewed and isinstance(files, dict):
            there = {name: record.parent / name for name in files}
            sums = {name: checksum(file) for name, file in there.items() if file.is_file()}
            write_record(record, known | {"files": sums})
        elif not renewed and record.name == RECORD:
            record.unlink()
        elif not renewed:
            record.write_text(tomli_w.dumps(known), encoding="utf-8")


def _sealed(data: bytes) -> bytes:
    """A record with the checksum of its own text on its first line."""
    text = data.partition(b"\n")[2]
    return _FIRST_LINE + f"{zlib.crc32(text):08x}\n".encode() + text


def _serve(folder: ComparisonFolder) -> None:
    service = opened_service(folder, torch.device("cpu"))
    try:
        client = TestClient(create_app(folder, service), base_url="http://127.0.0.1:8000")
        for page in ("/", "/try", "/healthz"):
            assert client.get(page).status_code in (200, 404), f"{page} is answered by an error"
    finally:
        if service:
            service.close()


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _value_changed(value: Any, rng: Random) -> Any:
    """JSON with one value, somewhere inside, replaced or left out."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _value_changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        i = rng.randrange(len(value))
        return [*value[:i], _value_changed(value[i], rng), *value[i + 1 :]]
    return rng.choice(
        (None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), [], {}, [None], text(rng))
    )


def _setting_changed(toml: str, rng: Random) -> bytes:
    lines = toml.splitlines() or [""]
    i = rng.randrange(len(lines))
    key = lines[i].partition(" = ")[0]
    lines[i] = rng.choice((f"{key} = {literal(rng)}", f"{key} = {literal(rng)}", ""))
    return "\n".join(lines).encode("utf-8", "replace")

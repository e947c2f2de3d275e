"""Tiles of labelled cores, cut once."""

import subprocess
import sys
from pathlib import Path


def tiles_of(labels: Path, out: Path) -> Path:
    """The manifest of the cores' tiles in `out`; LABELS as `her2bench manifest images` takes it."""
    manifest = out / "tiles.csv"
    if not manifest.is_file():
        out.mkdir(parents=True, exist_ok=True)
        command = ["her2bench", "manifest", "images", str(labels), "-o", str(manifest)]
        subprocess.run([sys.executable, "-m", *command], check=True)
    return manifest

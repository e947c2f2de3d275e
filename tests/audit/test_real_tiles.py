"""The whole audit on the few real BCI tiles: what a reader sees in them it must find."""

import os
from pathlib import Path

import pytest

from her2bench.audit.run import run_audit
from her2bench.data.sources.bci import bci_manifest

REAL = os.environ.get("HER2BENCH_REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL, reason="HER2BENCH_REAL_DATA is not set")


def test_jpeg_under_another_name_and_positive_tiles_of_fat_and_stroma():
    manifest = bci_manifest(Path(REAL or "") / "bci" / "BCI_dataset")
    found = {finding.kind: finding for finding in run_audit(manifest, "bci").audit.findings}
    assert found["wrong_extension"].number == len(manifest)
    named = {tile[:5] for (tile,) in found["unstained_tiles_in_positive_slides"].tiles}
    assert named == {"00003", "00008", "00009", "00011"}
    assert "hidden_slides" in found
    assert not [f for f in found.values() if f.severity == "serious"]

"""ONNX Runtime as it is used here: nothing of it leaves the machine, or stays behind on it."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("onnxruntime", reason="the extra export is not installed")
_QUIET = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_")  # it reports nothing where these are set


def test_onnx_runtime_neither_reports_nor_writes_into_the_home_folder(tmp_path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_QUIET)}
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "USERPROFILE", "LOCALAPPDATA"), str(tmp_path))
    code = "import her2bench.prediction.exported.onnx_session as o; o.ort.get_device()"
    subprocess.run([sys.executable, "-c", code], env=kept | homes, cwd=tmp_path, check=True)
    assert not list(tmp_path.iterdir())

"""The report as served: its own scripts run, nothing else; a new report is seen at once."""

import base64
import hashlib
import os
from time import monotonic

import pytest
from fastapi.testclient import TestClient

from her2bench.core.runs import ComparisonFolder
from her2bench.web.app import create_app
from her2bench.web.served_report import ReportPage, policy, with_bar


def test_own_scripts_are_named_by_their_hash():
    page = b"<body><script>one()</script><SCRIPT type='x'>two()</SCRIPT ></body>"
    for script in (b"one()", b"two()"):
        wanted = base64.b64encode(hashlib.sha256(script).digest()).decode()
        assert f"'sha256-{wanted}'" in policy(page)
    assert "script-src 'none'" in policy(b"<body></body>")
    assert "sandbox" in policy(page) and "allow-same-origin" not in policy(page)
    assert "connect-src" not in policy(page) and "default-src 'none'" in policy(page)


def test_the_bar_stands_first_in_the_body():
    assert b'<body class="x"><nav' in with_bar(b'<html><body class="x"><h1>R</h1></body></html>')
    assert with_bar(b"no body") == b"no body"


def test_a_changed_report_is_read_again(tmp_path):
    page = ReportPage(ComparisonFolder(tmp_path))
    assert page.read() is None
    (tmp_path / "report.html").write_text("<body>1</body>", encoding="utf-8")
    first = page.read()
    (tmp_path / "report.html").write_text("<body>2</body>", encoding="utf-8")
    os.utime(tmp_path / "report.html", (1, 1))
    second = page.read()
    assert first and second and b"1</body>" in first[0] and b"2</body>" in second[0]


def test_scripts_without_an_end_take_no_time_and_do_not_run():
    for page in (b"<script>" * 200_000, b"<script" * 200_000, b"<body" * 200_000):
        began = monotonic()
        assert "script-src 'none'" in policy(page) and with_bar(page) == page
        assert monotonic() - began < 5


@pytest.mark.parametrize("kind", ["missing", "folder", "loop", "pipe"])
def test_a_report_that_is_no_file_is_answered_without_its_folder(tmp_path, kind):
    path = tmp_path / "report.html"
    if kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(path)
    client = TestClient(create_app(ComparisonFolder(tmp_path), None), "http://127.0.0.1")
    answer = client.get("/")
    assert answer.status_code == 404 and "her2bench report" in answer.text
    assert str(tmp_path) not in answer.text and "x-frame-options" in answer.headers

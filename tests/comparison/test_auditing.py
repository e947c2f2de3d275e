"""A comparison audits its tiles first: with its own endpoint and split, once, or not at all."""

import numpy as np
import polars as pl
import pytest

from her2bench.audit.context import AuditContext
from her2bench.audit.features.extraction import Observations
from her2bench.audit.run import AuditResult
from her2bench.comparison import auditing
from her2bench.comparison.auditing import checked_findings
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.audit_findings import Audit, Finding, read_audit, write_audit
from her2bench.core.config import load_settings
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder

NOTHING = Observations({}, {})
SMALL = ["recipe.epochs=1", "recipe.learning_rates=[1e-4]", "seeds=[0]"]
LEAK = Finding(
    kind="k",
    severity="serious",
    title="Something leaks.",
    number=1,
    unit="tiles",
    effect="It is optimistic.",
    hint="Fix it.",
)


@pytest.fixture
def seen(monkeypatch):
    """What the audit is asked, in place of an audit; it finds one leak in the first tile."""
    asked = []

    def audit(manifest, where, endpoint, split, cache):
        asked.append({"manifest": manifest, "where": where, "endpoint": endpoint, "split": split})
        leak = LEAK.model_copy(update={"tiles": ((manifest["tile_id"][0],),)})
        findings = {"findings": (leak,), "tiles": len(manifest)}
        evidence = AuditContext(manifest, np.zeros(len(manifest)), endpoint, NOTHING, split)
        return AuditResult(Audit(manifest=str(where), endpoint=endpoint, **findings), evidence)

    monkeypatch.setattr(auditing, "run_audit", audit)
    return asked


def start(config_path, out, cache, *overrides, **choices):
    config = load_settings(ComparisonConfig, config_path, [*SMALL, *overrides])
    return compare(config, out, Choices("cpu", cache, **choices), Watcher())


@pytest.mark.slow
def test_it_is_asked_once_about_the_comparisons_own_split(seen, write_config, tmp_path, cache):
    folder = start(write_config(endpoint="3+"), tmp_path / "out", cache)
    (asked,) = seen
    assert asked["endpoint"] == "3+"
    sides = pl.DataFrame({"tile_id": asked["manifest"]["tile_id"], "split": asked["split"]})
    splits = pl.read_parquet(folder.splits).select("tile_id", "split")
    assert sides.sort("tile_id").equals(splits.sort("tile_id"))
    assert read_audit(folder.audit).findings[0].title == "Something leaks."
    assert len(list(folder.audit_pictures.glob("tiles/*.jpg"))) == 1
    assert "Something leaks." in folder.audit_page.read_text(encoding="utf-8")
    page = folder.report.read_text(encoding="utf-8")
    assert page.count("Something leaks") >= 2  # at the top and in its section
    start(write_config(endpoint="3+"), tmp_path / "out", cache)
    assert len(seen) == 1


def test_it_can_be_left_out(seen, write_config, tmp_path, cache):
    folder = start(write_config(), tmp_path / "out", cache, audit=False)
    assert not seen and not folder.audit.exists()
    assert "These tiles were not audited." in folder.report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_damaged_audit_is_named(finished):
    from her2bench.report.pages.report_page import write_report

    finished.audit.write_text("{")
    with pytest.raises(UserError, match=r"audit\.json: .*checksum"):
        write_report(finished)
    finished.seal(finished.audit)
    with pytest.raises(UserError, match=r"audit\.json: no audit as"):
        write_report(finished)


def test_the_audit_comes_before_any_training_and_stops_it_if_it_cannot_be_made(
    write_config, tmp_path, cache, monkeypatch
):
    def full(*_):
        raise UserError(cache, found="0.00 GB free", hint="free some space")

    monkeypatch.setattr(auditing, "run_audit", full)
    with pytest.raises(UserError, match="free some space"):
        start(write_config(), tmp_path / "out", cache)
    assert not (tmp_path / "out" / "runs").exists()


def test_strict_stops_at_a_serious_finding_and_at_no_other(tmp_path):
    folder = ComparisonFolder(tmp_path)
    serious, mild = (
        Finding(kind="k", severity=s, number=1, unit="tiles", title=s, effect="", hint="Fix it.")
        for s in ("serious", "warning")
    )
    about = {"manifest": "m.csv", "endpoint": "2+", "tiles": 9}
    write_audit(Audit(**about, findings=(serious, mild)), folder.audit)
    assert checked_findings(folder, strict=False) == (serious, mild)
    with pytest.raises(UserError, match="no serious finding"):
        checked_findings(folder, strict=True)
    write_audit(Audit(**about, findings=(mild,)), folder.audit)
    assert checked_findings(folder, strict=True) == (mild,)

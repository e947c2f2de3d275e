"""The generated pages: every setting and every public name, with what it means."""

import runpy
from pathlib import Path

import pytest

import her2bench as hb
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import setting_fields
from her2bench.phantom import PhantomSettings

ROOT = Path(__file__).parents[2]
PAGES = runpy.run_path(str(ROOT / "docs" / "reference.py"))


@pytest.mark.parametrize("kind", [ComparisonConfig, PhantomSettings])
def test_every_setting_has_a_meaning_and_a_row(kind):
    page = PAGES["settings_page"]()
    for key, owner in setting_fields(kind).items():
        name = key.rpartition(".")[2]
        assert len(PAGES["meaning"](owner, name)) > 5, key
        assert f"| `{name}` |" in page
    assert "| `endpoint` |" in page and "## `[score.threshold]`" in page


def test_types_bounds_and_defaults_of_the_settings_page():
    page = PAGES["settings_page"]()
    assert "| `manifest` | path | **required** |" in page
    assert "| `epochs` | whole number, ≥ 1, ≤ 100,000 | `20` |" in page
    assert '| `endpoint` | `"2+"` or `"3+"` or `"1+"` or `"status"` or `"score"` | `"2+"` |' in page
    assert "| `value` | number, > 0, ≤ 1 | not set |" in page
    assert "`roc_auc`" in page


def test_the_python_page_has_every_public_name_with_its_arguments():
    page = PAGES["python_page"]()
    for name in hb.__all__:
        assert f"## hb.{name}" in page
    assert "audit(manifest, out=None, *, endpoint='2+'" in page
    assert "- `endpoint`: what counts as positive" in page
    assert "## hb.plot.forest" in page and "- `.to_pandas()`" in page


def test_the_configs_page_holds_the_packaged_ones_in_full():
    page = PAGES["configs_page"]()
    for name in ("sound", "notebook", "phantom", "phantom_tiles"):
        assert (ROOT / "configs" / f"{name}.toml").read_text(encoding="utf-8") in page


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path, monkeypatch):
    pytest.importorskip("material", reason="the extra docs is not installed")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    monkeypatch.chdir(ROOT)
    config = load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path / "site"))
    config.plugins.on_startup(command="build", dirty=False)
    build(config)
    front = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "images/report.png" in front and "tutorial/" in front
    assert not list((tmp_path / "site").rglob("*.py"))

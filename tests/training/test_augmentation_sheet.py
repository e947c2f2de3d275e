"""The sheet of augmented tiles."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.cli.main import main
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.training.augmentation_sheet import MARGIN, WIDE


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "tiles"
    write_phantom(folder, PhantomSettings(slides=16, tiles_per_slide=2, size=64), workers=1)
    return folder / "manifest.csv"


def test_each_row_is_a_tile_and_versions_of_it(manifest, tmp_path, monkeypatch, capsys):
    config = tmp_path / "c.toml"
    config.write_text('manifest = "none.csv"\nmodels = ["lenet"]\nsize = 64\n', encoding="utf-8")
    out = tmp_path / "sheet.png"
    more = ["--tiles", "4", "--versions", "3", "--set", 'recipe.augment=["flip"]']
    monkeypatch.setattr(
        "sys.argv", ["her2bench", "augment", str(manifest), str(config), "-o", str(out), *more]
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0 and "4 tiles at 64 px, flip" in capsys.readouterr().out
    sheet, step = np.array(Image.open(out)), 64 + MARGIN
    assert sheet.shape == (4 * step + MARGIN, 4 * step + WIDE, 3)
    seen = set()
    for top in range(MARGIN, 4 * step, step):
        first = sheet[top : top + 64, MARGIN : MARGIN + 64]
        for column in range(1, 4):
            left = column * step + WIDE
            shown = sheet[top : top + 64, left : left + 64]
            flipped = np.array_equal(shown, first[:, ::-1])
            assert flipped or np.array_equal(shown, first)
            seen.add(flipped)
    assert seen == {True, False}


def test_a_tile_of_every_score_is_shown(manifest, tmp_path):
    from her2bench.core.manifest import read_manifest
    from her2bench.training.augmentation_sheet import write_sheet

    table = read_manifest(manifest)
    shown = write_sheet(table, 64, (), tmp_path / "s.png", tiles=4, versions=1)
    assert sorted(table.filter(pl.col("tile_id").is_in(shown))["score"]) == [0, 1, 2, 3]

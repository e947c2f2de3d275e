"""`her2bench.manifest_from_folders`."""

import pytest

import her2bench as hb
from her2bench.core.manifest import read_manifest


def test_a_folder_per_class_to_a_file(tmp_path):
    for name in ("positive", "negative"):
        (tmp_path / "tiles" / name).mkdir(parents=True)
        (tmp_path / "tiles" / name / "a.png").touch()
    found = hb.manifest_from_folders(tmp_path / "tiles", tmp_path / "m.csv")
    assert found.table["status"].to_list() == [0, 1]
    assert read_manifest(tmp_path / "m.csv").sort("tile_id").equals(found.table)


def test_the_preset_bci_reads_names_itself(tmp_path):
    with pytest.raises(hb.UserError, match="preset alone"):
        hb.manifest_from_folders(tmp_path, preset="bci", group_regex="(a)")

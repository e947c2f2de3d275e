"""Tables of other tools: their words for classes, their names of columns, files without models."""

import logging

import pytest

from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.predictions import read_predictions

ROWS = "t1,0,0.25\nt2,1,0.5\n"


def written(folder, text, name="a.csv", **how):
    (folder / name).write_text(text, **how)
    return folder / name


def test_a_spreadsheet_export_with_decimal_commas_and_words_for_classes(tmp_path):
    text = "Tile ID;Target;Probability\nt1;Neg;0,25\nt2;Pos;0,5\nt3;TRUE;1\nt4;false;0\n"
    table = read_predictions([written(tmp_path, text, encoding="utf-8-sig", newline="\r\n")])
    assert table["target"].to_list() == [0, 1, 1, 0]
    assert table["probability"].to_list() == [0.25, 0.5, 1.0, 0.0]


def test_another_word_for_a_class_is_refused(tmp_path):
    path = written(tmp_path, "tile_id,target,probability\nt1,maybe,0.5\n")
    with pytest.raises(UserError, match="0 or 1, true or false, positive or negative"):
        read_predictions([path])
    text = "path,status\na.png,Positive\nb.png,NEG\n"
    assert read_manifest(written(tmp_path, text))["status"].to_list() == [1, 0]


def test_the_files_name_is_the_model_and_a_note_says_so(tmp_path, caplog):
    head = "tile_id,target,probability\n"
    paths = [written(tmp_path, head + ROWS, name) for name in ("one.csv", "two.csv")]
    with caplog.at_level(logging.WARNING, "her2bench"):
        table = read_predictions(paths)
    assert table["model"].to_list() == ["one", "one", "two", "two"]
    assert "no column 'model'" in caplog.text
    assert read_predictions(paths, names=["old", None])["model"].unique().sort().to_list() == [
        "old",
        "two",
    ]


def test_two_files_of_one_name_need_names(tmp_path):
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(written(tmp_path / name, "tile_id,target,probability\n" + ROWS, "p.csv"))
    with pytest.raises(UserError, match="2 files of the name 'p'"):
        read_predictions(paths)
    assert read_predictions(paths, names=["x", "y"]).height == 4


def test_a_name_is_for_one_model_alone(tmp_path):
    text = "model,tile_id,target,probability\nm,t1,0,0.5\n"
    assert read_predictions([written(tmp_path, text)], names=["new"])["model"].to_list() == ["new"]
    with pytest.raises(UserError, match="2 models, and one name, 'new'"):
        read_predictions([written(tmp_path, text + "n,t1,0,0.5\n")], names=["new"])


def test_columns_of_other_names(tmp_path):
    text = "arch;id;label;score;probability\nm;t,1;0;0,25;x\nm;t,2;1;0,5;y\n"
    columns = {"model": "Arch", "tile_id": "id", "target": "label", "probability": "score"}
    table = read_predictions([written(tmp_path, text)], columns=columns)
    assert table["probability"].to_list() == [0.25, 0.5]  # not the column that it had before
    assert table["tile_id"].to_list() == ["t,1", "t,2"] and "score" not in table.columns


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"probability": "prov"}, "no columns 'prov', to be read as 'probability'"),
        ({"prob": "p"}, "did you mean 'probability'?"),
    ],
)
def test_columns_that_are_not_there(tmp_path, columns, message):
    path = written(tmp_path, "tile_id,target,p,prob\nt1,0,0.5,1\n")
    with pytest.raises(UserError) as error:
        read_predictions([path], columns=columns)
    assert message in str(error.value)


def test_models_in_a_column_of_another_name_are_not_taken_for_one(tmp_path):
    text = "classifier,tile_id,target,probability\nm,t1,0,0.5\nn,t1,0,0.25\n"
    with pytest.raises(UserError, match="--columns model=COLUMN"):
        read_predictions([written(tmp_path, text)])
    table = read_predictions([written(tmp_path, text)], columns={"model": "classifier"})
    assert table["model"].to_list() == ["m", "n"]

"""Tables as spreadsheets and other tools write them: read as they are meant, or named."""

import os
from pathlib import Path

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest, write_manifest
from her2bench.core.predictions import read_predictions
from her2bench.core.tables import Wanted, read_table, write_table

HEADER = "model,tile_id,group_id,target,probability"


ROWS = ("a,t1,s1,1,0.75", "a,t2,s2,0,0.25")


TEXT = "\n".join((HEADER, *ROWS, ""))


def predictions(tmp_path, content: str | bytes, name="p.csv") -> pl.DataFrame:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_predictions([path])


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace(",", ";").replace("0.", "0,"),
        TEXT.replace(",", "\t").replace("0.", "0,"),
        "sep=;\n" + TEXT.replace(",", ";"),
        '"sep=;"\r\n' + TEXT.replace(",", ";").replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT + ",,,,\n\n\n",
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace(HEADER, HEADER.replace(",", '","').join('""')),
        TEXT.replace(HEADER, '"a,b,c,d,e,f";' + HEADER.replace(",", ";")).replace("a,t", "x;a,t")
        .replace(",t", ";t").replace(",s", ";s").replace(",1,", ";1;").replace(",0,", ";0;"),
        TEXT.replace(HEADER, "\ufeffModel,Tile ID, GROUP_ID ,target\u200b,Probability"),
        TEXT.replace("s1", " s1\u200b\u00a0").replace("t1", "\ufefft1\t"),
        TEXT.replace(",s1", ",s1,").replace(",s2", ",s2,").replace("group_id", "group_id,"),
    ],
)  # fmt: skip
def test_spreadsheets_are_read_as_they_are_meant(tmp_path, content):
    table = predictions(tmp_path, content)
    assert table["tile_id"].to_list() == ["t1", "t2"]
    assert table["group_id"].to_list() == ["s1", "s2"]
    assert table["target"].to_list() == [1, 0]
    assert table["probability"].to_list() == [0.75, 0.25]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.replace("t2", "Grüße").encode("latin-1"), "line 3 is not UTF-8"),
        (TEXT.encode("utf-16-le"), "line 1 holds a zero byte"),
        ("\n".join(f'"{line}"' for line in (HEADER, *ROWS)), "whole lines stand in quotes"),
        (TEXT.replace("t1", "t\x1b[31m1"), r"row 1.*x1b.*\n.*without control characters"),
        (TEXT.replace("group_id", "probability"), "2 columns named 'probability'"),
        (TEXT.replace("group_id", "Target "), "2 columns named 'target': 'Target ', 'target'"),
        (TEXT.replace("group_id", "group"), "column 'group'.*did you mean 'group_id'"),
        (TEXT.replace("group_id", "Splt"), "column 'Splt'.*did you mean 'split'"),
        (TEXT.replace("a,t1", '"a,t1'), "cannot be read as a table"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path, content, message):
    with pytest.raises(UserError, match=message) as error:
        predictions(tmp_path, content)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    "name",
    ["weight", "score_1", "core", "scorer", "gold", "split2", "status_by", "logit_b", "scanner"],
)
def test_names_of_their_own_are_no_misspelt_ones(tmp_path, name):
    assert name in predictions(tmp_path, TEXT.replace("group_id", name)).columns
    path = tmp_path / "m.csv"
    path.write_text(f"tile_id,path,score,{name}\na,a.png,1,x\n", encoding="utf-8")
    assert read_manifest(path)[name].to_list() == ["x"]


@pytest.mark.parametrize(
    "name", ["group", "groups", "gruop_id", "group_ids", "grup_id", "splits", "spilt", "folds"]
)
def test_misspelt_names_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=f"column {name!r}, which would not be read"):
        predictions(tmp_path, TEXT.replace("group_id", name))


@pytest.mark.parametrize("name", ["split", "Split", " SPLIT "])
def test_an_optional_column_counts_whatever_its_case(tmp_path, name):
    content = TEXT.replace("group_id", name).replace("s1", "train").replace("s2", "test")
    assert predictions(tmp_path, content)["split"].to_list() == ["train", "test"]


@pytest.mark.parametrize("word", ["nan", "NaN", "NA", "N/A", "null", "None", "<NA>", "#N/A", " "])
def test_words_for_missing_are_missing(tmp_path, word):
    assert (
        predictions(tmp_path, TEXT.replace("s1", word).replace("s2", word))["group_id"].null_count()
        == 2
    )
    with pytest.raises(UserError, match="a group in every row, or in none"):
        predictions(tmp_path, TEXT.replace("s1", word))
    with pytest.raises(UserError, match="column 'probability' has 1"):
        predictions(tmp_path, TEXT.replace("0.25", word))
    path = tmp_path / "m.csv"
    path.write_text(f"tile_id,path,score,mpp,status\na,a.png,1,{word},{word}\nb,b.png,2,0.5,1\n")
    table = read_manifest(path)
    assert table["mpp"].to_list() == [None, 0.5] and table["status"].to_list() == [None, 1]


def test_labels_stay_as_they_are_written(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("tile_id,site,n\n1,1.10,1e3\n2,1.1,2\n3,NA,3\n", encoding="utf-8")
    table = read_table(path, Wanted(("tile_id",), also=("site",)))
    assert table["site"].to_list() == ["1.10", "1.1", None]
    assert table["n"].to_list() == ["1e3", "2", "3"]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (TEXT.replace("s1", "NA"), "'NA'"),
        (TEXT.replace("s1", ""), "nothing"),
        (TEXT.replace("0.25", "n/a"), "'n/a'"),
        (TEXT.replace("a,t2", "None,t2"), "'None'"),
        (TEXT.replace("t2", "null"), "'null'"),
        (TEXT.replace("0.75", "1.90"), "'1.90'"),
        (TEXT.replace("s1,1,", "s1,1.50,"), "'1.50'"),
        (TEXT.replace("group_id", "logit").replace("s1", "1.10").replace("s2", "NaN"), "'NaN'"),
        (TEXT.replace("group_id", "split").replace("s1", "test").replace("s2", "N/A"), "'N/A'"),
    ],
)
def test_a_wrong_value_is_shown_as_it_is_written(tmp_path, content, shown):
    with pytest.raises(UserError, match=f"tile .*: {shown}\n"):
        predictions(tmp_path, content)


@pytest.mark.parametrize(
    ("column", "cells", "shown"),
    [
        ("tile_id", "NA,a.png,1", "'NA'"),
        ("path", "b,NaN,1", "'NaN'"),
        ("score", "b,b.png,null", "'null'"),
        ("split", "b,b.png,1,<NA>", "'<NA>'"),
        ("split", "b,b.png,1,", "nothing"),
        ("mpp", "b,b.png,1,200.0", "'200.0'"),
    ],
)
def test_a_manifests_wrong_value_is_shown_as_it_is_written(tmp_path, column, cells, shown):
    path = tmp_path / "m.csv"
    known = {"split": ",train", "mpp": ",0.5"}.get(column, "")
    header = "tile_id,path,score" + (f",{column}" if known else "")
    path.write_text(f"{header}\na,a.png,1{known}\n{cells}\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"'{column}' has 1 wrong value.*\n +row 2: {shown}\n"):
        read_manifest(path)


def test_a_column_of_another_meaning_is_to_be_renamed(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("tile_id,path,score,Status\na,a.png,1,scanned\n", encoding="utf-8")
    with pytest.raises(UserError, match="'scanned'") as error:
        read_manifest(path)
    assert error.value.expected == "0 or 1, the confirmed HER2 status, or nothing"
    assert "if the column is something else than status, rename it" in error.value.hint


FORMULAS = ["=1+1", "+x", "-y/z", "@sum(a)", "'=1", "''=1", "'plain", " =1", "2+", "-3", "＝1", "'"]


def test_a_formula_is_written_as_text_and_read_back(tmp_path):
    table = pl.DataFrame({"group_id": FORMULAS, "=head": range(len(FORMULAS))})
    path = tmp_path / "t.csv"
    write_table(table, path)
    for line in path.read_text(encoding="utf-8").splitlines():
        assert line.strip('" ')[0] not in "=+@＝" and not line.startswith("-y")
    back = read_table(path)
    assert back.columns == table.columns
    assert back["group_id"].to_list() == [text.strip() for text in FORMULAS]
    assert back["=head"].to_list() == [str(number) for number in table["=head"]]
    write_table(table, tmp_path / "t.parquet")
    assert pl.read_parquet(tmp_path / "t.parquet").equals(table)


def test_numbers_of_single_precision_keep_their_decimal_digits(tmp_path):
    path = tmp_path / "t.parquet"
    p = pl.Series("p", [0.3, 0.1, float("nan")], dtype=pl.Float32)
    pl.DataFrame([p, pl.Series("d", [1, 2, 3]).cast(pl.Decimal(5, 1))]).write_parquet(path)
    table = read_table(path)
    assert table["p"].to_list() == [0.3, 0.1, None] and table["d"].to_list() == [1.0, 2.0, 3.0]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_manifest_that_is_a_link_speaks_of_the_folder_it_was_named_in(tmp_path):
    for name in ("store", "data/img", "far/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "store" / "5f").write_text("")
    (tmp_path / "store" / "m.csv").write_text("tile_id,path,score\na,img/a.png,1\n")
    (tmp_path / "data" / "m.csv").symlink_to("../store/m.csv")
    table = read_manifest(tmp_path / "data" / "m.csv")
    assert table["path"].to_list() == [str(tmp_path / "data" / "img" / "a.png")]
    # `..` after a link leads where the link leads; what is written leads back.
    (tmp_path / "link").symlink_to("far/deep")
    (tmp_path / "far" / "m.csv").write_text("tile_id,path,score\na,../link/../a.png,1\n")
    path = read_manifest(tmp_path / "far" / "m.csv")["path"][0]
    assert path == str(tmp_path / "far" / "a.png")
    (tmp_path / "far" / "a.png").touch()
    write_manifest(
        pl.DataFrame({"tile_id": "a", "path": path, "score": 1}), tmp_path / "link/w.csv"
    )
    assert Path(read_manifest(tmp_path / "link" / "w.csv")["path"][0]).samefile(path)


def test_a_written_manifest_passes_the_reader_or_is_not_written(tmp_path):
    table = pl.DataFrame({"tile_id": ["a", "a"], "path": ["/x/1.png", "/x/2.png"], "score": [1, 2]})
    with pytest.raises(UserError, match="1 tile_id are in more than one row"):
        write_manifest(table, tmp_path / "m.csv")
    assert not list(tmp_path.iterdir())
    odd = [str(tmp_path / "-1.png"), str(tmp_path / "=2.png")]
    write_manifest(table.with_columns(tile_id=pl.Series(["a", "b"]), path=pl.Series(odd)),
                   tmp_path / "m.csv")  # fmt: skip
    assert "./-1.png" in (tmp_path / "m.csv").read_text()
    assert read_manifest(tmp_path / "m.csv")["path"].to_list() == odd


def test_ids_stay_text_however_their_column_is_spelled(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("Group ID\n1.1\n1.10\n", encoding="utf-8")
    table = read_table(path, Wanted(optional=("group_id",)))
    assert table["group_id"].to_list() == ["1.1", "1.10"]


def test_a_tiles_own_score_is_a_score_and_missing_words_are_missing(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("tile_id,path,score,Tile Score\na,a.png,1,NA\nb,b.png,2,2+\n", encoding="utf-8")
    assert read_manifest(path)["tile_score"].to_list() == [None, 2]

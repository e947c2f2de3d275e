import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest, read_scores, targets, write_manifest

GOOD = "tile_id,path,score,group_id,status\n007,a/1.png,2+,s1,1\n008,a/2.png,0,s2,0\n"


def written(tmp_path, text, name="m.csv", **how):
    path = tmp_path / name
    path.write_text(text, **how)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_ids_keep_their_zeros_and_paths_follow_the_manifest(tmp_path, ending):
    table = read_manifest(written(tmp_path, GOOD))
    assert table["tile_id"].to_list() == ["007", "008"]
    assert table["score"].to_list() == [2, 0]
    assert table["path"][0] == str(tmp_path / "a" / "1.png")
    other = tmp_path / "deeper" / f"copy{ending}"
    write_manifest(table, other)
    assert read_manifest(other).equals(table)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_and_byte_order_marks(tmp_path, separator, encoding):
    path = written(tmp_path, GOOD.replace(",", separator), encoding=encoding)
    assert read_manifest(path).height == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2+", "4+", "row 1: '4+'"),
        ("2+", "", "column 'score'"),
        ("008", "007", "1 tile_id are in more than one row"),
        ("008", "", "column 'tile_id'"),
        ("s2", "", "column 'group_id'"),
        ("0,s2,0", "0,s2,2", "column 'status'"),
        ("path", "file", "missing columns: path"),
        ("score", "scores", "did you mean 'score'?"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(tmp_path, old, new, message):
    with pytest.raises(UserError) as error:
        read_manifest(written(tmp_path, GOOD.replace(old, new)))
    assert message in str(error.value)


def test_a_region_needs_all_four_numbers(tmp_path):
    text = "tile_id,path,score,x,y,width,height\na,a.png,1,0,0,5,\n"
    with pytest.raises(UserError, match="all filled"):
        read_manifest(written(tmp_path, text))
    with pytest.raises(UserError, match="at least 1"):
        read_manifest(written(tmp_path, text.replace("5,", "5,0")))


@pytest.mark.parametrize("mpp", ["-0.5", "0", "inf", "1e300"])
def test_absurd_micrometres_a_pixel_are_refused(tmp_path, mpp):
    with pytest.raises(UserError, match=r"µm/pixel, from 0\.01 to 100"):
        read_manifest(written(tmp_path, f"tile_id,path,score,mpp\na,a.png,1,{mpp}\n"))


def test_missing_empty_and_unrelated_files(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(UserError, match=r"expected: .csv or .parquet"):
        read_manifest(written(tmp_path, GOOD, "m.txt"))
    with pytest.raises(UserError, match="no rows"):
        read_manifest(written(tmp_path, "tile_id,path,score\n"))
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_manifest(written(tmp_path, "", "m.csv"))
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_manifest(written(tmp_path, "no parquet", "m.parquet"))


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("empty.csv", b"", "UTF-8: a header line"),
        ("latin.csv", "tile_id,path,score\nGr\xfc\xdfe,a.png,1\n".encode("latin-1"), "UTF-8"),
        ("ragged.csv", b"tile_id,path,score\na,a.png,1,5,6\n", "as many values as the header"),
        ("broken.parquet", b"PAR1" + bytes(40), "damaged or no Parquet"),
        ("cut.parquet", b"PAR1" + bytes(40) + b"PAR1", "damaged or no Parquet"),
        ("m.txt", b"tile_id", "save the table as CSV or Parquet"),
    ],
)
def test_what_is_no_table_comes_with_a_hint(tmp_path, name, content, hint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: .*\n.*\n  hint: .*{hint}"):
        read_manifest(tmp_path / name)


def test_scores_of_tiles_may_have_gaps():
    own = pl.Series("own", ["0", " 3+", None, "", "2.0"])
    assert read_scores(own, "m.csv", gaps=True).to_list() == [0, 3, None, None, 2]
    floats = pl.Series("own", [1.0, float("nan"), None])
    assert read_scores(floats, "m.csv", gaps=True).to_list() == [1, None, None]
    with pytest.raises(UserError, match=r"m.csv: column 'own' has 2 wrong value"):
        read_scores(pl.Series("own", ["4", "x", "1"]), "m.csv", gaps=True)
    with pytest.raises(UserError, match=r"row 2: 1\.5"):
        read_scores(pl.Series("own", [1.0, 1.5]), "m.csv", gaps=True)
    with pytest.raises(UserError, match=r"column 'own' is of type List\(Int64\)"):
        read_scores(pl.Series("own", [[1], None]), "m.csv", gaps=True)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [("1+", [0, 1, 1, 1]), ("2+", [0, 0, 1, 1]), ("3+", [0, 0, 0, 1]), ("status", [0, 0, 1, 1])],
)
def test_endpoints(endpoint, expected):
    table = pl.DataFrame({"score": [0, 1, 2, 3], "status": [0, 0, 1, 1]})
    assert targets(table, endpoint).to_list() == expected


def test_an_unknown_endpoint_and_a_missing_status():
    table = pl.DataFrame({"score": [0, 1]})
    with pytest.raises(UserError, match="expected: one of 2"):
        targets(table, "2")
    with pytest.raises(UserError, match="missing columns: status"):
        targets(table, "status")


def test_the_path_is_the_tile_id_where_there_is_none(tmp_path):
    table = read_manifest(written(tmp_path, "path,score\na/1.png,0\na/2.png,3\n"))
    assert table["tile_id"].to_list() == ["a/1.png", "a/2.png"]
    with pytest.raises(UserError, match="the paths serve as tile_id"):
        read_manifest(written(tmp_path, "path,score\na.png,0\na.png,3\n"))
    with pytest.raises(UserError, match="column 'path'"):
        read_manifest(written(tmp_path, "path,score\n,0\n"))


def test_a_status_is_enough_where_there_are_no_scores(tmp_path):
    table = read_manifest(written(tmp_path, "path,status\na.png,0\nb.png,1\n"))
    assert targets(table, "status").to_list() == [0, 1]
    with pytest.raises(UserError, match="choose the endpoint status"):
        targets(table, "2+")
    with pytest.raises(UserError, match="missing columns: score"):
        read_manifest(written(tmp_path, "path\na.png\n"))

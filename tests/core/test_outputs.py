"""An output that is a link, a pipe or a device stays what it is."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from her2bench.core.atomic_io import check_output, replacing, writing
from her2bench.core.errors import UserError
from her2bench.core.tables import write_table

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and devices with names")
TABLE = pl.DataFrame({"tile_id": ["a"]})


@posix
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_pipe_is_written_into(tmp_path, ending):
    pipe, got = tmp_path / f"p{ending}", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    check_output(pipe)  # must not open it: the reader would see its end
    write_table(TABLE, pipe)
    reader.join(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_table(TABLE, tmp_path / f"file{ending}")
    assert got == [(tmp_path / f"file{ending}").read_bytes()]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@posix
def test_a_link_to_a_device_stays(tmp_path):
    link = tmp_path / "null.csv"
    link.symlink_to("/dev/null")
    check_output(link)
    write_table(TABLE, link)
    assert link.is_symlink() and stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, there):
    target, link = tmp_path / "kept" / "real.csv", tmp_path / "link.csv"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(target)
    check_output(link)
    write_table(TABLE, link)
    assert link.is_symlink() and target.read_text() == "tile_id\na\n"
    assert [path.name for path in target.parent.iterdir()] == ["real.csv"]


@posix
def test_stdout_that_is_a_file_keeps_all_that_is_printed(tmp_path):
    code = """
from pathlib import Path
from her2bench.core.atomic_io import replacing
print("before")
with replacing(Path("/dev/stdout")) as temporary:
    temporary.write_text("the file\\n")
print("after")
"""
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True, timeout=120)
    assert (tmp_path / "log").read_text() == "before\nthe file\nafter\n"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="a folder"):
        check_output(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        check_output(tmp_path / "file" / "scores.json")


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.csv").symlink_to("b.csv")
    (tmp_path / "b.csv").symlink_to("a.csv")
    with pytest.raises(UserError):
        write_table(TABLE, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").is_symlink() and (tmp_path / "b.csv").is_symlink()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "x"), "the disk is full"),
        (OSError(errno.EFBIG, "x"), "exceed the size limit"),
        (OSError(errno.EMFILE, "x"), "too many files"),
        (OSError("No space left on device (os error 28)"), "the disk is full"),
        (
            pl.exceptions.ComputeError("parquet: File too large (os error 27)"),
            "exceed the size limit",
        ),
    ],
)
def test_what_ran_out_is_named_and_nothing_is_left(tmp_path, error, message):
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(UserError, match=message), replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_errors_of_a_table_are_no_limit():
    with pytest.raises(pl.exceptions.ComputeError), writing("f"):
        raise pl.exceptions.ComputeError("something else")

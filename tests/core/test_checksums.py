"""Kept files are believed only as they were written, and are on the disk before they count."""

import errno
import os
import random
from pathlib import Path

import pytest

from her2bench.core import checksums
from her2bench.core.atomic_io import LOCK, SOFT_LOCK, replacing, working_alone
from her2bench.core.checksums import checksum, is_whole, read_record, seal_folder, write_record
from her2bench.core.errors import UserError


@pytest.mark.parametrize("size", [0, 1, 1000, 5000])
def test_any_change_of_a_file_changes_its_checksum(size, tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "_SPAN", 999)  # in several parts
    monkeypatch.setattr(checksums, "_PIECE", 100)
    content = random.Random(0).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    whole = checksum(path)
    others = {content[:-1], content + b"\0", content[1:], content[::-1]} - {content}
    for place in range(0, size, 97):
        others.add(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    for other in others:
        path.write_bytes(other)
        assert checksum(path) != whole
    path.write_bytes(content)
    assert checksum(path) == whole


def test_a_record_is_read_as_written_or_refused(tmp_path):
    path = tmp_path / "record"
    write_record(path, {"a": 1, "b": {"c": "text"}})
    assert read_record(path) == {"a": 1, "b": {"c": "text"}}
    whole = path.read_bytes()
    for other in (b"", whole[:-3], whole.replace(b"1", b"2"), whole.partition(b"\n")[2]):
        path.write_bytes(other)
        with pytest.raises(ValueError):
            read_record(path)
    assert read_record(path, sealed=False) == {"a": 1, "b": {"c": "text"}}


def test_a_sealed_folder_holds_its_own_files_and_no_others(tmp_path):
    folder = tmp_path / "one"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_bytes(b"content")
    seal_folder(folder)
    assert is_whole(folder)
    folder.rename(tmp_path / "two")
    assert not is_whole(tmp_path / "two")  # another folder's content
    (tmp_path / "two").rename(folder)
    (folder / "more").write_bytes(b"")
    assert not is_whole(folder)
    assert not is_whole(tmp_path / "none")


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    flushed, renamed, replace = [], [], Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.fstat(fd).st_ino))

    def rename(path, target):
        renamed.append((path.stat().st_ino, list(flushed)))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", rename)
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("content")
    ((inode, before),) = renamed
    assert inode in before
    assert os.name == "nt" or tmp_path.stat().st_ino in flushed


def test_a_disk_that_fills_while_flushing_is_said(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_text("before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="disk is full"), replacing(tmp_path / "file") as temporary:
        temporary.write_text("content")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "before"


@pytest.mark.skipif(os.name == "nt", reason="Windows always has locks")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_can_be_worked_on(code, tmp_path, monkeypatch, caplog):
    import fcntl

    def none(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", none)
    with working_alone(tmp_path):
        assert "no locks" in caplog.text
        second = working_alone(tmp_path)
        with pytest.raises(UserError, match="another her2bench process uses") as refused, second:
            pass
        assert SOFT_LOCK in refused.value.hint
    assert not (tmp_path / SOFT_LOCK).exists()
    with working_alone(tmp_path):
        assert (tmp_path / LOCK).exists()

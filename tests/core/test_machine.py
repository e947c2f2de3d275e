"""What the machine offers: a container's quota counts, and peak memory is seen."""

import mmap
import sys

import pytest

from her2bench.core.machine import peak_memory, quota_cores, usable_cores


@pytest.mark.parametrize(
    ("text", "cores"),
    [("200000 100000", 2), ("50000 100000", 1), ("max 100000", sys.maxsize), ("", sys.maxsize)],
)
def test_a_containers_quota_counts(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert quota_cores(tmp_path / "cpu.max") == cores


def test_without_a_container_there_is_no_quota(tmp_path):
    assert quota_cores(tmp_path / "cpu.max") == sys.maxsize
    assert usable_cores() >= 1


def test_peak_memory_sees_what_was_held_only_for_a_while():
    with peak_memory() as small:
        pass
    with peak_memory() as large:
        # Mapped, since memory from the heap may be there already.
        held = mmap.mmap(-1, 300_000_000)
        held.write(b"1" * len(held))
        held.close()
    assert large.bytes >= small.bytes + 200_000_000
    if sys.platform == "linux":  # elsewhere the peak is that of the whole process
        with peak_memory() as after:
            pass
        assert after.bytes < large.bytes

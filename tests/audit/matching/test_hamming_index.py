"""Codes that agree are found among many, and the bits that differ counted right."""

import numpy as np

from her2bench.audit.matching.hamming_index import SortedCodes, different_bits


def test_different_bits_as_python_counts_them():
    a, b = np.random.default_rng(0).integers(0, 2**64, (2, 100), dtype=np.uint64)
    expected = [(int(x) ^ int(y)).bit_count() for x, y in zip(a, b, strict=True)]
    assert different_bits(a, b).tolist() == expected


def test_planted_pairs_are_found_and_no_others():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    tiles = np.arange(len(codes)) // 10
    first = rng.permutation(10_000)[:500]
    second = first + 10_000
    codes[second] = codes[first]
    for _ in range(3):  # up to three bits changed
        codes[second] ^= np.uint64(1) << rng.integers(0, 64, 500).astype(np.uint64)
    a, b = SortedCodes.of(codes, tiles).alike(codes, tiles, later=True)
    found, planted = list(zip(a, b, strict=True)), set(zip(first, second, strict=True))
    assert len(set(found)) == len(found)
    found = set(found)
    assert len(found & planted) >= 480
    assert found <= planted


def test_landmarks_of_one_tile_are_no_pair():
    codes, tiles = np.zeros(5, np.uint64), np.zeros(5, int)
    assert len(SortedCodes.of(codes, tiles).alike(codes, tiles)[0]) == 0


def test_codes_asked_for_others_and_nothing_to_ask():
    codes, tiles = np.arange(9, dtype=np.uint64) << np.uint64(20), np.arange(9)
    index = SortedCodes.of(codes, tiles)
    a, b = index.alike(codes[4:5], np.array([20]))
    assert 4 in b and set(a) == {0}
    assert len(index.alike(codes[4:5], np.array([20]), later=True)[0]) == 0
    none = SortedCodes.of(codes[:0], tiles[:0])
    assert len(none.alike(codes, tiles)[0]) == len(index.alike(codes[:0], tiles[:0])[0]) == 0

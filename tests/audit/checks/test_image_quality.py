import numpy as np
import pytest

from her2bench.audit.checks.image_quality import check_images


def kinds(found):
    return {finding.kind: finding for finding in found.findings}


def test_ordinary_images_are_clean(evidence_of):
    assert check_images(evidence_of([0, 3] * 20, np.arange(40) // 2)).findings == ()


def test_many_misnamed_files_are_one_finding(evidence_of):
    evidence = evidence_of([0, 3, 3], format=["PNG", "PNG", "JPEG"])
    (finding,) = check_images(evidence).findings
    assert finding.title == "2 files named .jpg hold PNG"
    assert finding.tiles == (("t0",), ("t1",))


def test_unreadable_tiles_are_a_finding(evidence_of):
    (finding,) = check_images(evidence_of([0, 3, 3], bad={1: "empty file (0 bytes)"})).findings
    assert (finding.kind, finding.tiles) == ("unreadable_images", (("t1",),))
    assert "empty file" in finding.title


def test_nothing_readable_is_still_an_answer(evidence_of):
    found = check_images(evidence_of([0, 3], bad={0: "no such file", 1: "no such file"}))
    assert list(kinds(found)) == ["unreadable_images"]


def test_sizes_count_in_micrometres_where_known(evidence_of):
    size = [(256, 256), (256, 256), (512, 512)]
    found = kinds(check_images(evidence_of([0, 3, 3], size=size)))
    assert found["odd_sizes"].tiles == (("t2",),)
    known = evidence_of([0, 3, 3], size=size, columns={"mpp": [0.5, 0.5, 0.25]})
    assert check_images(known).findings == ()


def test_the_usual_size_is_one_that_tiles_have(evidence_of):
    size = [(128, 128), (256, 256)] * 20
    (finding,) = check_images(evidence_of([0, 3] * 20, size=size)).findings
    assert finding.number == 20 and finding.title.startswith("20 of 40 tiles are not square")
    assert finding.title.endswith("(128 x 128 px against 256 x 256 px)")
    mpp = {"mpp": [0.5 + i / 1e4 for i in range(30)] + [1.0] * 10}
    (finding,) = check_images(evidence_of([0, 3] * 20, size=(200, 200), columns=mpp)).findings
    assert finding.number == 10 and "(200 x 200 µm against 100" in finding.title


def test_reasons_that_differ_in_numbers_are_one(evidence_of):
    reasons = [f"image file is truncated ({k} bytes not processed)" for k in range(3)]
    reasons += ["image of 64 x 64 pixels does not hold the region x=9 y=0 width=64 height=64"]
    reasons += ["empty file (0 bytes)", "no such file", "no such file", "image of 8 x 8 pixels"]
    found = check_images(evidence_of([0] * 8, bad=dict(enumerate(reasons))))
    title = found.findings[0].title
    assert "(image file is truncated: 3, no such file: 2, " in title
    assert title.endswith(", and others)")
    measured = found.measured or {}
    assert measured["unreadable tiles, image does not hold the region"] == 1
    assert measured["unreadable tiles, empty file"] == 1


def test_of_one_tile_the_verb_is_singular(evidence_of):
    scores = [0, 3, 3]
    titles = [
        check_images(evidence_of(scores, **measures)).findings[0].title
        for measures in ({"tissue": [0.7, 0, 0.7]}, {"format": ["PNG", "JPEG", "JPEG"]})
    ]
    assert titles == ["1 of 3 tiles holds no tissue", "1 file named .jpg holds PNG"]


def test_stretched_tiles(evidence_of):
    found = kinds(check_images(evidence_of([0, 3], size=[(256, 300), (256, 300)])))
    assert found["odd_sizes"].number == 2
    assert found["odd_sizes"].title.endswith("(300 x 256 px)")


def test_grey_among_colour(evidence_of):
    found = kinds(check_images(evidence_of([0, 3, 3], mode=["RGB", "L", "RGB"])))
    assert found["odd_modes"].severity == "warning"
    assert "L: 1" in found["odd_modes"].title


@pytest.mark.parametrize(
    ("kind", "measures"),
    [
        ("blank_tiles", {"tissue": [0.7, 0.0, 0.7]}),
        ("burnt_out_tiles", {"clipped": [0, 0.5, 0]}),
        ("out_of_focus_tiles", {"sharpness": [(-1.1, -0.8), (-1.35, -1.3), (-1.1, -0.8)]}),
        ("strange_stain", {"pink": [0.03, -0.1, 0.03]}),
    ],
)
def test_faults_of_single_tiles(evidence_of, kind, measures):
    found = kinds(check_images(evidence_of([0, 3, 3], **measures)))
    assert found[kind].tiles == (("t1",),)


def test_a_slide_unlike_all_others(evidence_of):
    groups = np.repeat(np.arange(20), 5)
    white = np.where(groups == 7, 120, 215)[:, None] + np.random.default_rng(0).normal(
        0, 2, (100, 3)
    )
    found = kinds(check_images(evidence_of(np.where(groups % 2, 3, 0), groups, white=white)))
    assert found["slides_unlike_others"].slides == ("7",)
    assert "brightness" in found["slides_unlike_others"].title


def test_three_kinds_of_scanner_are_no_outliers(evidence_of):
    groups = np.repeat(np.arange(30), 5)
    level = np.array([180, 215, 252])[groups % 3]
    white = level[:, None] + np.random.default_rng(0).normal(0, 2, (150, 3))
    evidence = evidence_of(np.where(groups % 2, 3, 0), groups, white=white)
    assert "slides_unlike_others" not in kinds(check_images(evidence))


def test_as_many_slides_as_tiles_need_no_table_of_all_pairs(evidence_of):
    groups = np.arange(20_000)  # all pairs of them would take 20 GB
    white = np.random.default_rng(0).normal(215, 2, (len(groups), 3))
    white[7] = 60
    found = kinds(check_images(evidence_of(groups % 2 * 3, groups, white=white)))
    assert found["slides_unlike_others"].slides == ("7",)

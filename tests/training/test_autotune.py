"""The self-test: measures, chooses with a margin, remembers, and leaves short trainings alone."""

import json
from dataclasses import replace

import pytest
import torch

from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training import autotune
from her2bench.training.autotune import Trial, chosen_compute, fastest, step_seconds

TRIAL = Trial("lenet", 64, 16, torch.device("cpu"), "32-true")


def test_noise_does_not_choose():
    other = Compute(channels_last=True)
    assert fastest({PLAIN: 1.0, other: 0.97}) == PLAIN
    assert fastest({PLAIN: 1.0, other: 0.8}) == other
    pieces = Compute(piece=8)
    assert fastest({pieces: 1.0, replace(pieces, channels_last=True): 0.97}) == pieces


def test_a_step_takes_time_for_every_candidate():
    assert TRIAL.candidates[0] == PLAIN
    assert len(set(TRIAL.candidates)) == len(TRIAL.candidates) == 4
    assert all(seconds > 0 for seconds in step_seconds(TRIAL, TRIAL.candidates))


def test_a_large_batch_is_computed_in_pieces_alone(tmp_path):
    """At 299 px whole batches of mini-HAHNet need more memory than the study's own loop."""
    trial = replace(TRIAL, model="mini_hahnet", size=299, batch=32)
    assert {way.piece for way in trial.candidates} == {8}
    assert chosen_compute(trial, 10, tmp_path / "compute.json").piece == 8
    for other in (replace(trial, size=64), replace(trial, model="lenet"), replace(trial, batch=8)):
        assert PLAIN in other.candidates


def test_a_choice_among_fewer_ways_is_made_again(measured, tmp_path):
    """As when a newer version knows another way to compute."""
    record = tmp_path / "compute.json"
    chosen_compute(TRIAL, 10_000, record)
    entries = json.loads(record.read_text())
    entries[TRIAL.key]["seconds_a_step"].popitem()
    record.write_text(json.dumps(entries))
    measured.clear()
    chosen_compute(TRIAL, 10_000, record)
    assert measured


@pytest.fixture
def measured(monkeypatch):
    """Counts the measurements; the last candidate is always the fastest."""
    tried = []

    def seconds(trial, ways):
        tried.extend(ways)
        return [1.0 / (1 + i) for i in range(len(ways))]

    monkeypatch.setattr(autotune, "step_seconds", seconds)
    return tried


@pytest.mark.parametrize("content", ["[]", "null", '{"KEY": 3}', '{"KEY": {"chosen": {}}}'])
def test_damaged_entries_are_measured_again(content, measured, tmp_path, caplog):
    record = tmp_path / "compute.json"
    record.write_text(content.replace("KEY", TRIAL.key))
    assert chosen_compute(TRIAL, 10_000, record) == TRIAL.candidates[-1]
    assert measured and "benchmark is repeated" in caplog.text
    measured.clear()
    record.write_text(record.read_text().replace('"channels_last": true', '"channels_last": false'))
    chosen_compute(TRIAL, 10_000, record)
    assert measured  # the choice is not the one that was written


def test_a_choice_is_remembered(measured, tmp_path):
    record = tmp_path / "deep" / "compute.json"
    chosen = chosen_compute(TRIAL, 10_000, record)
    assert chosen == TRIAL.candidates[-1]
    assert chosen_compute(TRIAL, 10_000, record) == chosen
    assert len(measured) == len(TRIAL.candidates)  # not measured again
    assert list(json.loads(record.read_text())) == [TRIAL.key]


def test_a_short_training_is_not_kept_waiting(measured, tmp_path):
    assert chosen_compute(TRIAL, 10, tmp_path / "compute.json") == PLAIN
    assert not measured


def test_without_room_for_a_whole_batch_the_default_is_taken(monkeypatch, tmp_path):
    def no_room(trial, ways):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(autotune, "step_seconds", no_room)
    record = tmp_path / "compute.json"
    assert chosen_compute(TRIAL, 10_000, record) == TRIAL.candidates[0] and not record.exists()


def test_a_damaged_record_is_measured_again(measured, tmp_path):
    record = tmp_path / "compute.json"
    record.write_text("{")
    assert chosen_compute(TRIAL, 10_000, record) == TRIAL.candidates[-1]

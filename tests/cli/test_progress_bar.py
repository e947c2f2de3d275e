"""Progress where there is no terminal: one line per finished run, others counted."""

from her2bench.cli.progress_bar import Bar, Pace
from her2bench.comparison.plan import Job, TuningJob
from her2bench.core.audit_findings import Finding


def test_one_line_per_run_and_those_done_before_are_counted(capsys):
    done, first, last = (Job("lenet", seed, 0) for seed in range(3))
    with Bar() as bar:
        bar.planned([(done, 2), (first, 2), (last, 2)])
        bar.skipped(done)
        for job in (first, last):
            bar.started(job)
            for _ in range(2):
                bar.trained(0.5)
                bar.epoch(job, {})
            bar.finished(job, 0.814)
        bar.making("scores")
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert printed.out == ""
    assert lines[0] == "1 of 3 runs were finished before"
    assert lines[1].startswith("[2/3] LeNet seed 1 fold 0  val AUC 0.81  0 s")
    assert lines[2] == "[3/3] LeNet seed 2 fold 0  val AUC 0.81  0 s"
    assert lines[3:] == ["making the scores"]


def test_a_tuning_is_one_line_with_its_trials(capsys):
    tuning, run = TuningJob("lenet", 0, 1), Job("lenet", 0, 1)
    with Bar() as bar:
        bar.planned([(tuning, 6), (run, 2)])
        bar.started(tuning)
        bar.left_out(tuning, 2)  # a trial of an earlier call
        for number, epochs in ((2, 2), (3, 1)):
            bar.trial(tuning, number, 3)
            for _ in range(epochs):
                bar.epoch(tuning, {})
        bar.left_out(tuning, 1)
        assert bar._progress.tasks[0].completed == 6
        bar.finished(tuning, None)
        bar.started(run)
        for _ in range(2):
            bar.epoch(run, {})
        bar.finished(run, 0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("[1/2] LeNet tuning fold 1  3 trials  0 s")
    assert lines[1].startswith("[2/2] LeNet seed 0 fold 1  val AUC 0.50  0 s")


def test_the_time_left_is_by_the_rate_of_each_model():
    pace = Pace({"lenet": 3, "alexnet": 3})
    pace.measured("lenet", 1.0)
    pace.measured("alexnet", 10.0)
    assert pace.left("lenet") == 2 and pace.left() == 22
    pace.done("alexnet", 2)
    assert pace.left() == 2


def test_serious_findings_alone_are_shown(capsys):
    texts = {"number": 1, "unit": "tiles", "effect": "", "kind": "k"}
    found = [
        Finding(severity=severity, title=f"A {severity} one", hint="Do this.", **texts)
        for severity in ("serious", "warning")
    ]
    Bar().audited(found)
    printed = capsys.readouterr().err
    assert "in the data: A serious one" in printed and "Hint: Do this." in printed
    assert "A warning one" not in printed

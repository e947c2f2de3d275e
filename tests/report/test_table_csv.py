"""Epochs are counted from 1, in the files and on the page."""

from her2bench.core.runs import ComparisonFolder
from her2bench.report.table_csv import epoch_table, run_table


def test_epochs_of_version_0_2_are_counted_from_1_too(tmp_path) -> None:
    folder = ComparisonFolder(tmp_path)
    for model, first, summary in (("a", 0, {"epoch": 1}), ("b", 1, {"kept_epoch": 2})):
        run = folder.run(model, 0, 0)
        run.path.mkdir(parents=True)
        run.metrics.write_text(f"epoch,val_loss\n{first},0.7\n{first + 1},0.6\n")
        run.mark_done({"parameters": 1, "threshold": 0.0, **summary})
    assert epoch_table(folder)["epoch"].to_list() == [1, 2, 1, 2]
    assert run_table(folder)["kept_epoch"].to_list() == [2, 2]

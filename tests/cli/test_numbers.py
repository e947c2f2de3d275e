"""Numbers that are none, endless or absurd: refused by the name of their option."""

import pytest

from her2bench.cli.main import main

PREDICTIONS = "model,tile_id,target,probability\n" + "".join(
    f"a,t{i},{i % 2},0.{i + 1}\n" for i in range(8)
)


def refused(monkeypatch, capsys, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["her2bench", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--bootstrap", "1"), ("--bootstrap", "1" + "0" * 30), ("--bins", "1000000000"),
        ("--seed", "1" + "0" * 30), ("--seed", "9" * 5000), ("--confidence", "nan"),
        ("--confidence", "1"), ("--margin", "inf"), ("--threshold", "nan"), ("--logit", "inf"),
    ],
)  # fmt: skip
def test_score(tmp_path, monkeypatch, capsys, option, value):
    (tmp_path / "p.csv").write_text(PREDICTIONS)
    said = refused(monkeypatch, capsys, "score", str(tmp_path / "p.csv"), option, value)
    assert option in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--mpp", "inf"), ("--mpp", "nan"), ("--min-tissue", "nan"), ("--overlap", "nan"),
        ("--tile-size", "1" + "0" * 20),
    ],
)  # fmt: skip
def test_manifest_images(tmp_path, monkeypatch, capsys, option, value):
    (tmp_path / "l.csv").write_text("path,score\na.png,1\n")
    said = refused(
        monkeypatch, capsys, "manifest", "images", str(tmp_path / "l.csv"), option, value
    )
    assert option in said and "Traceback" not in said


@pytest.mark.parametrize(
    "setting",
    [
        "recipe.epochs=1000000000", "recipe.batch=100000000000000000000", "split.folds=1000000000",
        "size=1000000", "score.bins=1000000000", "score.bootstrap=1", "recipe.pos_weight=inf",
        "split.seed=-1", "seeds=[100000000000000000000]", "score.threshold.logit=inf",
    ],
)  # fmt: skip
def test_compare(tmp_path, monkeypatch, capsys, setting):
    config = tmp_path / "c.toml"
    config.write_text('manifest = "m.csv"\nmodels = ["lenet"]\n')
    said = refused(monkeypatch, capsys, "compare", str(config), "--set", setting)
    assert setting.partition("=")[0] in said and "Traceback" not in said

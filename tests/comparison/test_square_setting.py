"""The setting `square` in folders of earlier versions."""

from her2bench.comparison.config import ComparisonConfig, trained_by


def settings(**more) -> dict:
    config = ComparisonConfig.model_validate({"manifest": "m.csv", "models": ["lenet"], **more})
    return config.model_dump(mode="json", exclude_none=True)


def test_a_folder_without_the_setting_is_the_same_comparison_and_another_choice_is_not():
    before = {key: value for key, value in settings().items() if key != "square"}
    assert trained_by(settings()) == trained_by(before)
    assert trained_by(settings(square="crop")) != trained_by(before)

import pytest
from pydantic import Field

from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import Settings, load_settings, setting_fields, settings_from, to_toml
from her2bench.core.errors import UserError


class Inner(Settings):
    epochs: int = Field(3, ge=1)


class Outer(Settings):
    name: str
    recipe: Inner = Inner()
    rates: tuple[float, ...] = (0.1,)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('name = "x"\n[recipe]\nepochs = 5\n')
    return path


def test_overrides_win_and_text_needs_no_quotes(path):
    settings = load_settings(Outer, path, ["recipe.epochs=7", "name=y", "rates=[0.5, 0.25]"])
    assert (settings.recipe.epochs, settings.name, settings.rates) == (7, "y", (0.5, 0.25))


def test_what_is_written_reads_back_the_same(path):
    settings = load_settings(Outer, path)
    path.write_text(to_toml(settings))
    assert load_settings(Outer, path) == settings


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("recipe.epoch=7", "unknown setting 'recipe.epoch' (did you mean 'epochs'?)"),
        ("recipes.epochs=7", "unknown setting 'recipes' (did you mean 'recipe'?)"),
        ("epochs=7", "unknown setting 'epochs' (did you mean 'recipe.epochs'?)"),
        ("epohcs=7", "unknown setting 'epohcs' (did you mean 'recipe.epochs'?)"),
        ("recipe.rates=[1.0]", "unknown setting 'recipe.rates' (did you mean 'rates'?)"),
        ("recipe.zzz=7", "the docs list all on the page Settings"),
        ("recipe.epochs=0", "recipe.epochs = 0"),
        ("recipe.epochs=many", "recipe.epochs = 'many'"),
        ("recipe.epochs", "expected: key=value"),
        ("name.x=1", "is no section"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_the_nearest_right_one(path, override, message):
    with pytest.raises(UserError) as error:
        load_settings(Outer, path, [override])
    assert message in str(error.value)


def test_a_section_by_name_has_its_settings_too():
    class Named(Settings):
        network: dict[str, Inner] = {}  # noqa: RUF012

    assert list(setting_fields(Named)) == ["network", "network.NAME.epochs"]
    with pytest.raises(UserError, match=r"did you mean 'network\.NAME\.epochs'"):
        settings_from(Named, {"network": {"mine": {"epoch": 1}}}, "here")


def test_a_missing_file_broken_toml_and_a_missing_setting(tmp_path):
    broken = tmp_path / "b.toml"
    with pytest.raises(UserError, match="no such config file"):
        load_settings(Outer, broken)
    broken.write_text("name = = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        load_settings(Outer, broken)
    broken.write_text("rates = [1.0]")
    with pytest.raises(UserError, match="setting 'name' is missing"):
        load_settings(Outer, broken)


def test_a_byte_order_mark_is_passed_over(path):
    path.write_text('\ufeffname = "x"\n', encoding="utf-8")
    assert load_settings(Outer, path).name == "x"


@pytest.mark.parametrize(
    ("value", "message"),
    [("[" * 5000, "nested too deep"), ("9" * 5000, "thousands of digits")],
)
def test_values_too_deep_or_too_long_are_named(path, value, message):
    with pytest.raises(UserError, match=message) as error:
        load_settings(Outer, path, [f"recipe.epochs={value}"])
    assert len(str(error.value)) < 500
    path.write_text(f"name = {value}")
    with pytest.raises(UserError, match=message):
        load_settings(Outer, path)


def test_a_deep_key_is_named_briefly(path):
    key = "recipe.epochs" + ".x" * 5000
    path.write_text('name = "x"')
    with pytest.raises(UserError) as error:
        load_settings(Outer, path, [f"{key}=1"])
    assert len(str(error.value)) < 1000


def test_a_number_where_a_list_is_needed_is_said_so():
    from her2bench.comparison.config import ComparisonConfig

    with pytest.raises(UserError, match=r"seeds = 0: a list is needed, in \[ \]"):
        settings_from(ComparisonConfig, {"manifest": "m", "models": ["lenet"], "seeds": 0}, "c")


def test_what_contradicts_in_a_section_is_said_without_printing_the_section():
    settings = {"manifest": "m.csv", "models": ["lenet"], "recipe": {"epochs": 1, "warmup": 1}}
    with pytest.raises(UserError) as error:
        settings_from(ComparisonConfig, settings, "a.toml")
    assert error.value.found == "recipe: warmup takes all epochs: make it shorter than epochs"
    settings |= {"recipe": {}, "network": {"lenet": {"recipe": {"epochs": 1, "warmup": 1}}}}
    with pytest.raises(UserError) as error:
        settings_from(ComparisonConfig, settings, "a.toml")
    assert error.value.found == (
        "network.lenet.recipe: warmup takes all epochs: make it shorter than epochs"
    )

"""A manifest of one class: the message names the column, what it holds, and the way out."""

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.manifest import targets
from her2bench.core.one_class import require_both_classes


@pytest.mark.parametrize(
    ("columns", "endpoint", "words"),
    [
        ({"score": [2, 3, 3]}, "2+", ["all 3 tiles are positive", "2+ (1), 3+ (2)", "'3+',"]),
        ({"score": [2, 3, 3]}, "score", ["the column score holds", "set endpoint = '3+',"]),
        ({"score": [0, 1, 0]}, "2+", ["all 3 tiles are negative", "0 (2), 1+ (1)", "'1+',"]),
        ({"score": [2, 3, 3]}, "score", ["all 3 tiles are positive", "2+ (1), 3+ (2)", "'3+',"]),
        ({"score": [3, 3, 3], "status": [1, 0, None]}, "2+", ["hint: add slides"]),
        ({"score": [3, 3, 3], "status": [1, 0, 1]}, "2+", ["'status',"]),
        (
            {"score": [1, 2, 3], "status": [0, 0, 0]},
            "status",
            ["status holds 0 (3)", "'2+' or '3+'"],
        ),
    ],
)
def test_the_message_names_column_values_and_fix(columns, endpoint, words):
    table = pl.DataFrame(columns)
    with pytest.raises(UserError) as error:
        require_both_classes(table, targets(table, endpoint), endpoint, "m.csv")
    message = str(error.value)
    assert message.startswith("m.csv") and f"(endpoint = '{endpoint}')" in message
    assert all(word in message for word in words), message


def test_both_classes_pass():
    table = pl.DataFrame({"score": [0, 3]})
    require_both_classes(table, targets(table, "2+"), "2+", "m.csv")

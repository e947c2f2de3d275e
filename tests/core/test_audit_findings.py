"""audit.json: whole there and back, and what is no such file is refused."""

import json

import pytest

from her2bench.core.audit_findings import Audit, LeftOut, read_audit, write_audit
from her2bench.core.errors import UserError

NO_SPLIT = LeftOut(check="leakage", kind="no_split", text="no split is given")
AUDIT = Audit(manifest="m.csv", endpoint="2+", tiles=3, left_out=(NO_SPLIT,), measured={"a": None})


def test_an_audit_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "audit.json"
    write_audit(AUDIT, path)
    assert read_audit(path) == AUDIT
    assert json.loads(path.read_text())["schema"] == 1


@pytest.mark.parametrize(("schema", "found"), [(None, "no schema number"), (2, "schema 2")])
def test_another_schema_is_refused_before_anything_else_of_it(tmp_path, schema, found):
    path = tmp_path / "audit.json"
    content = {"left_out": {"leakage": "no split is given"}} | (
        {"schema": schema} if schema else {}
    )
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=found) as refused:
        read_audit(path)
    assert "schema 1" in str(refused.value) and "run the audit again" in str(refused.value)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1, "tiles": "many"}'])
def test_what_is_no_audit_is_refused(tmp_path, content):
    (tmp_path / "audit.json").write_text(content)
    with pytest.raises(UserError, match="no audit as"):
        read_audit(tmp_path / "audit.json")


def test_too_few_tiles_are_known_by_kind_whatever_the_words():
    few = NO_SPLIT.model_copy(update={"kind": "too_few_tiles"})
    assert AUDIT.model_copy(update={"left_out": (few,)}).unseen and not AUDIT.unseen

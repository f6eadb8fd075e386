from __future__ import annotations

import re

import pytest

from gateway.errors import ConfigurationError, NotFound
from gateway.fix.dialect import load_dialect, read_dialect
from gateway.fix.specs import available, spec_path


@pytest.mark.parametrize("name", available())
def test_shipped_dialects_load(name):
    assert load_dialect(name).name == name


def test_the_generic_dialects_are_there():
    assert {"generic-fix42", "generic-fix44", "generic-fix50sp2"} <= set(available())


@pytest.mark.parametrize("name", ["nonsense", "../setup", "", "README"])
def test_an_unknown_dialect_names_the_known_ones(name):
    with pytest.raises(NotFound, match="generic-fix44"):
        spec_path(name)


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("max_cl_ord_id_length = 20", "max_clordid = 20", "orders", "unknown field `max_clordid`"),
        ('request = "one-by-one"', 'request = "sometimes"', "status.request", "Invalid enum value"),
        ('"F" = "fill"', '"F" = "filled"', "execution.exec_types", "Invalid enum value"),
        ("max_cl_ord_id_length = 20", 'max_cl_ord_id_length = "20"', "orders.max_cl_ord_id_length", "Expected `int`"),
        ("max_cl_ord_id_length = 20", "max_cl_ord_id_length = 0", "orders.max_cl_ord_id_length", "at least 1"),
        ('sell = "2"', 'sell = "1"', "codes.side", "a code of their own"),
        ('begin_string = "FIX.4.4"', 'begin_string = "FIXT.1.1"', "begin_string", "transport_dictionary"),
        ('"H", ', "", "messages", "needs H"),
        ('name = "generic-fix44"', 'name = "other"', "name", "differs from the file's name"),
        ("[codes.side]", "[codes.side", "(file)", "Expected"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path, old, new, key, what):
    text = spec_path("generic-fix44").read_text()
    assert old in text
    path = tmp_path / "generic-fix44.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_dialect(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.key.startswith(key)
    assert re.search(what, problem.what)

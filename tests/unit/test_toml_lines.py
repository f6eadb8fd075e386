"""Every key of a TOML text is found on its line, however the text is laid out."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.toml_lines import KeyPath, LineIndex

TEXT = (
    '''\
top = 1
text = """
[not.a.table]
fake = "1"
""" # with = a comment ]
"quoted.key" = 'x # y'

[risk."USD/JPY".deep]   # [[comment]]
dotted.key = { inner = "]" }
many = [
  "a", # b = c
  [1, 2],
]
[[venues]]
name = "A"
[venues.schedule]
start = '''
    + """'''
x'''
[[venues]]
name = "B"
[[venues.legs]]
id = 1
[[venues.legs]]
id = 2
"""
)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("text",), 2),
        (("quoted.key",), 6),
        (("risk", "USD/JPY", "deep"), 8),
        (("risk", "USD/JPY", "deep", "dotted", "key"), 9),
        (("risk", "USD/JPY", "deep", "dotted", "key", "inner"), 9),
        (("risk", "USD/JPY", "deep", "many", 1, 0), 10),
        (("venues", 0), 14),
        (("venues", 0, "name"), 15),
        (("venues", 0, "schedule", "start"), 17),
        (("venues", 1, "name"), 20),
        (("venues", 1, "absent"), 19),
        (("venues", 1, "legs", 0, "id"), 22),
        (("venues", 1, "legs", 1, "id"), 24),
        (("absent",), None),
        ((), None),
    ],
)
def test_a_key_is_found_on_its_line(path: KeyPath, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert LineIndex(TEXT).find(path) == line


KEYS = st.text("abcXYZ019_-", min_size=1, max_size=4) | st.sampled_from(["a.b", "]", "#", "=", 'q"', "é", ""])
VALUES = st.sampled_from(['"# ="', "'[['", "1", "[1, [\n2]]", '"""\n[x]\na = 1\n"""', "'''\n]'''", "{ a = 1 }", "true"])


def quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.tuples(KEYS, VALUES, st.sampled_from(["", " # c = ]", "\n# [x]\n"])), max_size=8, unique_by=lambda e: e[0]))
def test_every_key_of_a_generated_text_is_found_on_its_line(entries: list[tuple[str, str, str]]) -> None:
    text, expected = "", {}
    for key, value, tail in entries:
        expected[key] = text.count("\n") + 1
        text += f"{quoted(key)} = {value}{tail}\n"
    document: dict[str, Any] = tomllib.loads(text)
    index = LineIndex(text)
    assert {key: index.find((key,)) for key in document} == expected

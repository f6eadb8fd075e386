"""Whatever a file holds, loading it ends with a configuration or with ConfigurationError."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.load import LoadedConfiguration, load
from gateway.errors import ConfigurationError

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
STARTER = (Path(__file__).parents[3] / "config" / "gateway.toml").read_text(encoding="utf-8")
LINES = STARTER.splitlines()

SCALARS = st.sampled_from(
    ['"x"', "1", "-1", "0.5", "nan", "true", "1979-05-27", "07:32:00", '""', "[]", "{}", "[1]", '["USD/JPY"]', '"\\u0001"']
)


def outcome(folder: Path, content: bytes) -> LoadedConfiguration | ConfigurationError:
    path = folder / "gateway.toml"
    path.write_bytes(content)
    try:
        return load(path, environ={})
    except ConfigurationError as error:
        refusal = error
    assert refusal.problems
    assert all(problem.what and problem.remedy for problem in refusal.problems)
    return refusal


@RELAXED
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_arbitrary_content(tmp_path: Path, content: bytes) -> None:
    outcome(tmp_path, content)


@RELAXED
@given(st.data())
def test_the_starter_with_values_of_any_type(tmp_path: Path, data: st.DataObject) -> None:
    lines = list(LINES)
    keys = [index for index, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    for index in data.draw(st.lists(st.sampled_from(keys), min_size=1, max_size=5, unique=True)):
        lines[index] = f"{lines[index].split(' = ')[0]} = {data.draw(SCALARS)}"
    outcome(tmp_path, "\n".join(lines).encode())


@RELAXED
@given(st.lists(st.sampled_from(LINES), max_size=40))
def test_the_lines_of_the_starter_in_any_order(tmp_path: Path, lines: list[str]) -> None:
    outcome(tmp_path, "\n".join(lines).encode())


SECTIONS = ["gateway", "journal", "records", "control", "telemetry", "risk", "instruments", "venues", "strategies"]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("value", ["1", '"x"', "[1]", "{ x = 1 }", "[{}]", "[[]]", "{ venue = 1 }"])
def test_a_section_of_the_wrong_shape(tmp_path: Path, section: str, value: str) -> None:
    result: Any = outcome(tmp_path, f"{section} = {value}\n".encode())
    assert isinstance(result, ConfigurationError)

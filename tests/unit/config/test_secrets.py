"""Passwords come from the environment or from a private file, and appear nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import RecordsSection, Venue
from gateway.config.secrets import resolve_password, resolve_secrets
from gateway.errors import ConfigurationError

VENUE = """\
[gateway]
name = "desk-1"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 9878
sender_comp_id = "DESK"
target_comp_id = "SIM"
"""


def venue(**source: str) -> Venue:
    return Venue(
        name="SIM",
        dialect="d",
        host="h",
        port=1,
        sender_comp_id="A",
        target_comp_id="B",
        **source,  # type: ignore[arg-type]
    )


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "sim.password"
    path.write_bytes(content)
    path.chmod(mode)
    return path.name


def test_a_venue_without_a_source_has_no_password(tmp_path: Path) -> None:
    assert resolve_secrets(venue(), tmp_path, {}) is None


def test_a_password_comes_from_the_environment(tmp_path: Path) -> None:
    assert resolve_secrets(venue(password_env="P"), tmp_path, {"P": "s3cr=t"}) == "s3cr=t"


def test_a_password_comes_from_a_private_file_without_its_line_end(tmp_path: Path) -> None:
    name = secret_file(tmp_path, b"s3cr=t\n")
    assert resolve_secrets(venue(password_file=name), tmp_path, {}) == "s3cr=t"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_access_is_refused(tmp_path: Path, mode: int) -> None:
    name = secret_file(tmp_path, b"hunter2", mode)
    with pytest.raises(ConfigurationError, match=r"venues\.SIM\.password_file.*chmod 600") as caught:
        resolve_secrets(venue(password_file=name), tmp_path, {})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\x01554=b", b"a\nb", b"x" * 5000])
def test_content_that_cannot_be_a_password_is_refused(tmp_path: Path, content: bytes) -> None:
    name = secret_file(tmp_path, content)
    with pytest.raises(ConfigurationError):
        resolve_secrets(venue(password_file=name), tmp_path, {})


def test_a_pipe_under_the_name_does_not_block_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        resolve_secrets(venue(password_file="pipe"), tmp_path, {})


@pytest.mark.parametrize(
    ("line", "key"),
    [('password_env = "ABSENT"', "password_env"), ('password_file = "absent"', "password_file")],
)
def test_loading_reports_a_source_that_is_not_there(tmp_path: Path, line: str, key: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{VENUE}{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ={})
    assert [(problem.key, problem.line) for problem in caught.value.problems] == [(f"venues[0].{key}", 10)]
    assert load(path, environ={}, check_secrets=False).configuration.venues[0].name == "SIM"


def test_two_sources_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f'{VENUE}password_env = "P"\npassword_file = "{secret_file(tmp_path, b"x")}"\n')
    with pytest.raises(ConfigurationError, match="not both"):
        load(path, environ={"P": "x"})


@pytest.mark.parametrize(
    "addition",
    [
        'password = "hunter2"\n',
        'Password = "hunter2"\n',
        '[[strategies]]\nname = "s"\nclass = "a:B"\nparams = { feed = [{ api_key = "hunter2" }] }\n',
    ],
)
def test_a_literal_secret_is_refused_without_being_repeated(tmp_path: Path, addition: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(VENUE + addition)
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ={})
    (problem,) = caught.value.problems
    assert "hunter2" not in str(problem)
    if problem.key.startswith("venues"):
        assert "password_env" in problem.remedy
        assert "password_file" in problem.remedy


RECORDS = '[records]\nurl = "postgresql+psycopg://desk@db/records"\n'


def test_the_records_have_a_password_of_their_own(tmp_path: Path) -> None:
    source = RecordsSection(password_file=secret_file(tmp_path, b"s3cr=t\n"))
    assert resolve_password(source, "records", tmp_path, {}) == "s3cr=t"
    assert resolve_password(RecordsSection(password_env="P"), "records", tmp_path, {"P": "x"}) == "x"
    assert resolve_password(RecordsSection(), "records", tmp_path, {}) is None
    open_to_others = RecordsSection(password_file=secret_file(tmp_path, b"x", 0o644))
    with pytest.raises(ConfigurationError, match=r"records\.password_file.*chmod 600"):
        resolve_password(open_to_others, "records", tmp_path, {})


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ('password_env = "ABSENT"', "records.password_env", "not set"),
        ('password_env = "P"\npassword_file = "f"', "records.password_file", "not both"),
        ('password = "hunter2"', "records.password", "password_file"),
    ],
)
def test_a_password_source_of_the_records_is_checked(tmp_path: Path, line: str, key: str, what: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"{VENUE}{RECORDS}{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(path, environ={"P": "x"})
    assert key in [problem.key for problem in caught.value.problems]
    assert what in str(caught.value)
    assert "hunter2" not in str(caught.value)

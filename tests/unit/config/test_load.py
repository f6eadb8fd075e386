"""A configuration is accepted whole or refused with every problem named by file, line, key and remedy."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.config.load import LoadedConfiguration, load
from gateway.core.settings import Rate
from gateway.core.values import Side
from gateway.errors import ConfigurationError, Problem
from gateway.runtime.settings import core_settings

STARTER = Path(__file__).parents[3] / "config" / "gateway.toml"

MINIMAL = """\
[gateway]
name = "desk-1"
"""

VENUE = """\
[gateway]
name = "desk-1"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = 1
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 9878
sender_comp_id = "DESK"
target_comp_id = "SIM"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def accepted(folder: Path, text: str, **environ: str) -> LoadedConfiguration:
    return load(write(folder, text), environ=environ)


def refused(folder: Path, text: str, **environ: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(write(folder, text), environ=environ)
    return caught.value.problems


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_the_starter_configuration_stands_without_its_strategy(tmp_path: Path) -> None:
    """Which the README asks for before the first real venue."""
    text, _, _ = STARTER.read_text().partition("[[strategies]]")
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    assert load(path, environ={}).configuration.strategies == ()


def test_the_starter_configuration_loads() -> None:
    loaded = load(STARTER, environ={})
    configuration = loaded.configuration
    assert configuration.venues[0].rate_limit.per_second == 50
    assert configuration.instruments[0].tick_size == Decimal("0.001")
    assert configuration.instruments[0].reference_price is None
    assert configuration.strategies[0].class_path == "gateway.strategies.quoter:Quoter"


def test_what_is_left_out_has_the_default_of_the_contract(tmp_path: Path) -> None:
    loaded = accepted(tmp_path, MINIMAL)
    configuration = loaded.configuration
    assert loaded.state_dir == tmp_path / "var"
    assert loaded.journal_url == f"sqlite:///{tmp_path}/var/journal.db"
    assert loaded.records_url == f"sqlite:///{tmp_path}/var/records.db"
    assert loaded.control_socket == tmp_path / "var" / "control.sock"
    assert configuration.journal.durability == "commit"
    assert configuration.telemetry.metrics_port == 9464
    assert configuration.risk.max_order_quantity == Decimal(1_000_000)
    assert configuration.risk.price_collar_pct == Decimal(5)
    assert configuration.risk.max_open_orders is None
    assert (configuration.venues, configuration.strategies) == ((), ())


def test_paths_count_from_the_file_and_not_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "conf").mkdir()
    write(tmp_path / "conf", MINIMAL)
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load(Path("../conf/gateway.toml"))
    assert loaded.state_dir == tmp_path / "conf" / "var"
    assert loaded.base_dir == tmp_path / "conf"


def test_absolute_paths_stay_as_they_are(tmp_path: Path) -> None:
    loaded = accepted(tmp_path, MINIMAL + '[records]\nurl = "sqlite:////data/records.db"\n')
    assert loaded.records_url == "sqlite:////data/records.db"


def test_six_different_mistakes_give_six_problems_with_their_lines(tmp_path: Path) -> None:
    text = """\
[gateway]
name = "desk-1"
state_dirr = "var"
[telemetry]
metrics_port = 70000
[[instruments]]
symbol = "USD/JPY"
tick_size = 0.001
lot_size = "1"
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = "9878"
sender_comp_id = "DESK=1"
target_comp_id = "SIM"
market_data = [
    "EUR/USD",
]
"""
    problems = refused(tmp_path, text)
    assert [(problem.line, problem.key) for problem in problems] == [
        (3, "gateway.state_dirr"),
        (5, "telemetry.metrics_port"),
        (8, "instruments[0].tick_size"),
        (15, "venues[0].port"),
        (16, "venues[0].sender_comp_id"),
        (18, "venues[0].market_data[0]"),
    ]
    assert problems[0].remedy == "did you mean 'state_dir'?"
    assert problems[2].remedy == 'quote it: "0.001"'
    assert all(problem.file == str(tmp_path / "gateway.toml") and problem.remedy for problem in problems)


def test_a_missing_key_is_reported_at_the_table_that_lacks_it(tmp_path: Path) -> None:
    problem = only(refused(tmp_path, VENUE.replace("port = 9878\n", "")))
    assert (problem.line, problem.key, problem.what) == (8, "venues[0].port", "is missing")


def test_a_syntax_error_names_line_and_column(tmp_path: Path) -> None:
    problem = only(refused(tmp_path, '[gateway]\nname = "desk\n'))
    assert problem.line == 2
    assert "column 13" in problem.what


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "9" * 5000, "x = 1", "[gateway", "\x00", ""])
def test_hopeless_text_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text)


def test_text_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'[gateway]\nname = "d\xe9sk"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert only(caught.value.problems).line == 2


def test_a_missing_file_is_one_clear_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "absent.toml")
    problem = only(caught.value.problems)
    assert "No such file" in problem.what
    assert "gateway init" in problem.remedy


@pytest.mark.parametrize(
    ("addition", "keys"),
    [
        ("tls = true\n", ["venues[0].tls"]),
        ('tls_ca_file = "ca.pem"\n', ["venues[0].tls_ca_file"]),
        ('tls = true\ntls_ca_file = "ca.pem"\ntls_key_file = "k.pem"\n', ["venues[0].tls_key_file"]),
        ('tls = true\ntls_cert_file = "c.pem"\n', ["venues[0].tls", "venues[0].tls_cert_file"]),
    ],
)
def test_half_a_protection_is_refused(tmp_path: Path, addition: str, keys: list[str]) -> None:
    assert [problem.key for problem in refused(tmp_path, VENUE + addition)] == keys


def test_a_whole_protection_is_accepted(tmp_path: Path) -> None:
    text = 'tls = true\ntls_ca_file = "ca.pem"\ntls_cert_file = "c.pem"\ntls_key_file = "k.pem"\n'
    assert accepted(tmp_path, VENUE + text).configuration.venues[0].tls is True


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"SIM"\ndialect', '"../SIM"\ndialect', "venues[0].name"),
        ('"USD/JPY"', '"USD\\u0001JPY"', "instruments[0].symbol"),
        ('"0.001"', '"0"', "instruments[0].tick_size"),
        ('"0.001"', '"1e-3"', "instruments[0].tick_size"),
        ('"0.001"', '"NaN"', "instruments[0].tick_size"),
        ('"0.001"', "true", "instruments[0].tick_size"),
        ("lot_size = 1", "lot_size = -1", "instruments[0].lot_size"),
        ("port = 9878", "port = 0", "venues[0].port"),
        ("port = 9878", "port = true", "venues[0].port"),
        ('"DESK"', '""', "venues[0].sender_comp_id"),
        ('"DESK"', '"DÉSK"', "venues[0].sender_comp_id"),
        ('"DESK"', '"DESK "', "venues[0].sender_comp_id"),
        ("port = 9878", "port = 9878\nheartbeat_seconds = 3601", "venues[0].heartbeat_seconds"),
        ("port = 9878", 'port = 9878\nenvironment = "staging"', "venues[0].environment"),
        ("port = 9878", "port = 9878\nrate_limit = { per_second = 0 }", "venues[0].rate_limit.per_second"),
        ("port = 9878", 'port = 9878\npassword_env = "hunter2!"', "venues[0].password_env"),
    ],
)
def test_values_that_would_do_harm_are_refused(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert old in VENUE
    assert only(refused(tmp_path, VENUE.replace(old, new, 1))).key == key


@pytest.mark.parametrize(
    ("addition", "key"),
    [
        (VENUE[VENUE.index("[[venues]]") :].replace('"DESK"', '"DESK2"'), "venues[1].name"),
        (VENUE[VENUE.index("[[venues]]") :].replace('"SIM"\nd', '"SIM2"\nd'), "venues[1].target_comp_id"),
        (
            '[[instruments]]\nsymbol = "USD/JPY"\ntick_size = 1\nlot_size = 1\ncurrency = "JPY"\n',
            "instruments[1].symbol",
        ),
        ('[[strategies]]\nname = "desk"\nclass = "a.b:C"\n', "strategies[0].name"),
        ('[[strategies]]\nname = "s"\nclass = "a.b"\n', "strategies[0].class"),
        ('[[strategies]]\nname = "s"\nclass = "a.b:C"\ninstruments = ["X"]\n', "strategies[0].instruments[0]"),
        (
            '[[strategies]]\nname = "s"\nclass = "a.b:C"\ninstruments = ["USD/JPY", "USD/JPY"]\n',
            "strategies[0].instruments[1]",
        ),
        ("[risk.venue.SIMM]\nmax_open_orders = 1\n", "risk.venue.SIMM"),
        ('[risk.instrument."USD/JPY"]\nfat_finger_pct = "-1"\n', 'risk.instrument."USD/JPY".fat_finger_pct'),
        ('[records]\nurl = "sqlite:///var/journal.db"\n', "records.url"),
        ('[records]\nurl = "postgresql+psycopg://u:hunter2@h/d"\n', "records.url"),
        ('[records]\nurl = "mysql://h/d"\n', "records.url"),
        ('[journal]\nurl = "sqlite:///:memory:"\n', "journal.url"),
        (f'[control]\nsocket = "/run/{"x" * 103}"\n', "control.socket"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(tmp_path: Path, addition: str, key: str) -> None:
    problem = only(refused(tmp_path, VENUE + addition))
    assert problem.key == key
    assert problem.line is not None
    assert problem.line > VENUE.count("\n")
    assert "hunter2" not in str(problem)


def test_a_directory_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    here = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    here.mkdir()
    (here / "gateway.toml").write_text(MINIMAL)
    with pytest.raises(ConfigurationError, match="is not UTF-8; use another directory"):
        load(here / "gateway.toml")


def test_the_longest_socket_path_is_accepted(tmp_path: Path) -> None:
    socket = "/run/" + "x" * 102
    assert accepted(tmp_path, f'{MINIMAL}[control]\nsocket = "{socket}"\n').control_socket == Path(socket)


@pytest.mark.parametrize(
    ("addition", "key", "line"),
    [
        ('tls_server_name = "fix.venue.example"\n', "venues[0].tls_server_name", 1),
    ],
)
def test_what_is_not_in_force_is_refused_and_not_ignored(tmp_path: Path, addition: str, key: str, line: int) -> None:
    problem = only(refused(tmp_path, VENUE + addition))
    assert (problem.key, problem.line) == (key, VENUE.count("\n") + line)
    assert "not supported in this version" in problem.what


@pytest.mark.parametrize(
    ("addition", "key", "line"),
    [
        ('[risk]\nrestricted = ["EUR/USD"]\n', "risk.restricted[0]", 2),
        ('[risk.account.A]\npermitted_strategies = ["maker"]\n', "risk.account.A.permitted_strategies[0]", 2),
        ('[risk.account.A]\npermitted_sides = ["hold"]\n', "risk.account.A.permitted_sides[0]", 2),
        ('[risk.rates]\nJPY = "0"\n', "risk.rates.JPY", 2),
        ('[[positions]]\nstrategy = "desk"\nvenue = "NYSE"\n', "positions[0].venue", 3),
        ('[[positions]]\nstrategy = "desk"\nas_of = "20250230"\n', "positions[0].as_of", 3),
    ],
)
def test_limits_and_positions_name_what_exists(tmp_path: Path, addition: str, key: str, line: int) -> None:
    found = [problem for problem in refused(tmp_path, VENUE + addition) if problem.key == key]
    assert [problem.line for problem in found] == [VENUE.count("\n") + line]


def test_rates_of_sessions_groups_and_venues_are_read(tmp_path: Path) -> None:
    limits = 'rate_group = "g"\nhard_rate_limit = { per_second = 500, burst = 100 }\n'
    settings = core_settings(accepted(tmp_path, f"{VENUE}{limits}[rate_groups.g]\nper_second = 80\n"))
    venue = settings.venues["SIM"]
    assert (venue.rate_per_second, venue.rate_group, venue.hard_rate) == (50, "g", Rate(Decimal(500), 100))
    assert settings.rate_groups == {"g": Rate(Decimal(80), 20)}
    found = [problem.key for problem in refused(tmp_path, VENUE + limits)]
    assert found == ["venues[0].rate_group"]


def test_limits_and_positions_are_read(tmp_path: Path) -> None:
    limits = '[risk]\nrestricted = ["USD/JPY"]\ncurrency = "USD"\n[risk.rates]\nJPY = "0.0066"\n'
    limits += '[risk.account.A]\nmax_position_long = 5\npermitted_sides = ["buy"]\n'
    position = 'strategy = "desk"\nvenue = "SIM"\nsymbol = "USD/JPY"\nquantity = "-5"\navg_px = "1.5"\nas_of = "20250616"\n'
    loaded = accepted(tmp_path, f"{VENUE}{limits}[[positions]]\n{position}")
    settings = core_settings(loaded)
    assert settings.risk["account:A"].max_position_long == 5
    assert settings.risk["account:A"].permitted_sides == (Side.BUY,)
    assert settings.risk["all"].restricted == ("USD/JPY",)
    assert (settings.risk["all"].currency, settings.rates) == ("USD", {"JPY": Decimal("0.0066")})
    (opening,) = settings.positions
    assert (opening.account, opening.quantity, opening.as_of) == ("", -5, "20250616")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [('"08:00"', '"8am"', "start"), ('"17:00"', '"24:00"', "end"), ('"mon"', '"monday"', "days[0]"), ("UTC", "CT", "timezone")],
)
def test_mistakes_in_a_schedule_are_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    schedule = '[venues.schedule]\nstart = "08:00"\nend = "17:00"\ndays = ["mon"]\ntimezone = "UTC"\n'
    keys = [problem.key for problem in refused(tmp_path, VENUE + schedule.replace(old, new))]
    assert keys == [f"venues[0].schedule.{key}"]


def test_switching_off_what_is_not_in_force_is_accepted(tmp_path: Path) -> None:
    venue = accepted(tmp_path, VENUE + 'tls = false\ntls_ca_file = ""\ncancel_on_disconnect = false\n')
    assert venue.configuration.venues[0].tls is False


def test_the_hash_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    original = accepted(tmp_path, VENUE).sha256
    relaid = VENUE.replace("port = 9878\nsender", "# a comment\n\nport   =  9_878\nsender")
    assert accepted(tmp_path, relaid).sha256 == original
    reordered = VENUE.replace("port = 9878\n", "") + "port = 9878\n"
    assert accepted(tmp_path, reordered).sha256 == original
    assert accepted(tmp_path, VENUE.replace("9878", "9879")).sha256 != original


def test_an_accepted_configuration_cannot_be_changed(tmp_path: Path) -> None:
    loaded = accepted(tmp_path, VENUE)
    with pytest.raises(ValueError, match="frozen"):
        loaded.configuration.venues[0].port = 1


def test_a_folder_in_place_of_the_file_is_one_clear_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load(tmp_path)


def test_a_standby_needs_a_journal_both_gateways_reach(tmp_path: Path) -> None:
    problem = only(refused(tmp_path, VENUE + "[standby]\nenabled = true\n"))
    assert problem.key == "standby.enabled"
    assert "put the journal into PostgreSQL" in str(problem)
    there = VENUE + '[standby]\nenabled = true\n[journal]\nurl = "postgresql+psycopg://u@h/d"\n'
    assert accepted(tmp_path, there).configuration.standby.silent_seconds == 5


def test_a_dialect_that_is_not_there_is_said_with_all_the_rest(tmp_path: Path) -> None:
    text = VENUE.replace('"generic-fix44"', '"fix.9"').replace('name = "desk-1"', 'nam = "desk-1"')
    problems = {problem.key: problem for problem in refused(tmp_path, text)}
    assert set(problems) == {"gateway.nam", "gateway.name", "venues[0].dialect"}
    assert problems["venues[0].dialect"].line == text.split("\n").index('dialect = "fix.9"') + 1
    assert "generic-fix44" in problems["venues[0].dialect"].remedy

"""What `gateway check` finds before the open: each thing broken on purpose, named by its key with what to do."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from gateway.config.load import load
from gateway.core.core import Core
from gateway.core.events import RunStopped
from gateway.journal.sqlite import SqliteJournal
from gateway.venue import tls

FAR_AHEAD_NS = 4_000_000_000_000_000_000
FREE_PORT = "\n[telemetry]\nmetrics_port = 0\n"


@pytest.fixture
def ready(cli: Any) -> Any:
    """An instance with nothing wrong."""
    cli.config.write_text(cli.config.read_text() + FREE_PORT)
    assert cli("check").exit_code == 0, cli("check").output
    return cli


def found(cli: Any, *options: str) -> list[tuple[str, str, str]]:
    document = cli.json("check", *options, exit_code=6)
    assert document["ok"] is False
    return [(problem["key"], problem["what"], problem["remedy"]) for problem in document["problems"]]


def only(cli: Any) -> tuple[str, str, str]:
    (problem,) = found(cli)
    assert all(problem)
    return problem


def edit(cli: Any, old: str, new: str) -> None:
    text = cli.config.read_text()
    assert text.count(old) == 1
    cli.config.write_text(text.replace(old, new))


def append(text: str) -> Callable[[Any], None]:
    return lambda cli: cli.config.write_text(cli.config.read_text() + text)


def strategy(class_path: str, params: str = "{}") -> str:
    return f'\n[[strategies]]\nname = "s"\nclass = "{class_path}"\ninstruments = ["USD/JPY"]\nparams = {params}\n'


@pytest.mark.parametrize(
    ("breaks", "key", "what"),
    [
        (lambda cli: edit(cli, "generic-fix44", "nowhere"), "venues[0].dialect", "there is no dialect 'nowhere'"),
        (append(strategy("not.there:Maker")), "strategies[0].class", "not.there"),
        (append(strategy("gateway.strategies.quoter:Nobody")), "strategies[0].class", "Nobody"),
        (
            append(strategy("gateway.strategies.quoter:Quoter", "{ quantty = 1 }")),
            "strategies[0].params.quantty",
            "known: quantity, ",
        ),
        (append(strategy("decimal:Decimal")), "strategies[0].class", "is not a gateway.strategies.Strategy"),
        (lambda cli: (cli.state / "journal.db").write_text("not a journal"), "journal.url", "journal"),
        (lambda cli: (cli.state / "records.db").write_text("no database"), "records.url", "database"),
        (lambda cli: cli.state.chmod(0o777), "gateway.state_dir", "can be written by other users"),
        (
            lambda cli: edit(cli, 'url = "sqlite:///var/records.db"', 'url = "postgresql+psycopg://u@127.0.0.1:1/d"'),
            "records.url",
            "127.0.0.1",
        ),
    ],
)
def test_every_thing_that_is_broken_is_named(ready: Any, breaks: Callable[[Any], None], key: str, what: str) -> None:
    breaks(ready)
    found_key, said, remedy = only(ready)
    assert found_key == key
    assert what in said + remedy


QUOTER = "gateway.strategies.quoter:Quoter"


@pytest.mark.parametrize(
    ("params", "key", "what"),
    [
        ('{ half_spread_ticks = "5" }', "params.half_spread_ticks", "Expected `int`, got `str`"),
        ('{ quantity = "a lot" }', "params.quantity", "Invalid decimal string"),
        ('{ quantity = "NaN" }', "params", ""),
        ('{ max_inventory = "Infinity" }', "params.max_inventory", "Infinity is no number to trade with"),
        ("{ improve_ticks = nan }", "params.improve_ticks", "nan is no number to trade with"),
        ('{ quantity = "0" }', "params", "quantity and max_inventory must be above zero"),
        ("{ amend = true, typo = 1 }", "params.typo", "is not a parameter of this strategy"),
    ],
)
def test_a_wrong_parameter_is_named_with_file_and_line(ready: Any, params: str, key: str, what: str) -> None:
    append(strategy(QUOTER, params))(ready)
    document = ready.json("check", exit_code=6)
    (problem,) = document["problems"]
    assert problem["key"] == f"strategies[0].{key}"
    assert what in problem["what"]
    assert problem["file"] == str(ready.config)
    lines = ready.config.read_text().splitlines()
    assert lines[problem["line"] - 1].startswith("params = ")
    assert f"{ready.config}:{problem['line']}: " in ready("check").stderr
    refused = ready("run")
    assert refused.exit_code == 6
    assert f"{ready.config}:{problem['line']}: strategies[0].{key}" in refused.stderr


def test_a_parameter_in_a_table_of_its_own_is_named_with_its_own_line(ready: Any) -> None:
    text = f'\n[[strategies]]\nname = "s"\nclass = "{QUOTER}"\n[strategies.params]\nquantity = "1000"\nskew_ticks = 1.5\n'
    append(text)(ready)
    (problem,) = ready.json("check", exit_code=6)["problems"]
    assert problem["key"] == "strategies[0].params.skew_ticks"
    assert ready.config.read_text().splitlines()[problem["line"] - 1] == "skew_ticks = 1.5"


STRATEGY = """\
from gateway.strategies import Memory, Params, Strategy
class Mine(Strategy[Params, Memory]):
    def on_event(self, event, view, memory):
        return memory, ()
"""


@pytest.mark.parametrize(
    ("name", "source", "what"),
    [
        ("sound", STRATEGY, ""),
        ("garbled", STRATEGY.replace("(self", "self"), "SyntaxError"),
        ("leaving", STRATEGY + "\nraise SystemExit('no')", "SystemExit: no"),
        ("unfinished", STRATEGY.replace("on_event", "onevent"), "abstract method"),
        (
            "undeclared",
            STRATEGY.replace("Strategy[Params, Memory]", "Strategy"),
            "does not say what its parameters and its memory are",
        ),
    ],
)
def test_a_module_of_ones_own_is_found_and_what_is_wrong_in_it_told(
    ready: Any, name: str, source: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    edit(ready, 'state_dir = "var"', 'state_dir = "var"\nstrategy_path = "code"')
    append(strategy(f"mine_{name}:Mine"))(ready)
    assert [key for key, _, _ in found(ready)] == ["gateway.strategy_path", "strategies[0].class"]
    (ready.directory / "code").mkdir()
    (ready.directory / "code" / f"mine_{name}.py").write_text(source)
    if not what:
        assert ready("check").exit_code == 0
        return
    key, said, remedy = only(ready)
    assert (key, bool(remedy)) == ("strategies[0].class", True)
    assert what in said


def test_everything_is_found_at_once_and_nothing_is_changed(ready: Any) -> None:
    (ready.directory / "mine.toml").write_text("[session")
    edit(ready, "generic-fix44", "mine.toml")
    append(strategy("not.there:Maker"))(ready)
    ready.state.chmod(0o777)
    before = sorted(ready.directory.rglob("*"))
    assert [key for key, _, _ in found(ready)] == ["gateway.state_dir", "(file)", "strategies[0].class"]
    assert sorted(ready.directory.rglob("*")) == before
    text = ready("check")
    assert text.exit_code == 6
    assert text.stdout == ""
    assert len(text.stderr.splitlines()) == 3


def test_a_state_directory_that_is_a_file(ready: Any) -> None:
    edit(ready, 'state_dir = "var"', 'state_dir = "gateway.toml"')
    assert "gateway.state_dir" in [key for key, _, _ in found(ready)]
    result = ready("verify")
    assert (result.exit_code, result.exception.__class__) == (6, SystemExit), result.stderr


def test_a_state_directory_that_cannot_be(ready: Any) -> None:
    edit(ready, 'state_dir = "var"', 'state_dir = "gateway.toml/var"')
    key, what, _ = only(ready)
    assert (key, "is not a directory" in what) == ("gateway.state_dir", True)


def in_the_way(path: str) -> Callable[[Any], None]:
    """A file where a directory is wanted."""

    def put(cli: Any) -> None:
        (cli.directory / path).parent.mkdir(parents=True, exist_ok=True)
        (cli.directory / path).write_text("")

    return put


def elsewhere(section: str, old: str, new: str) -> Callable[[Any], None]:
    def move(cli: Any) -> None:
        in_the_way("there")(cli)
        edit(cli, f'{section} = "{old}"', f'{section} = "{new}"')

    return move


@pytest.mark.parametrize(
    ("breaks", "key", "what"),
    [
        (lambda cli: (cli.state.rmdir(), cli.state.write_text("")), "gateway.state_dir", "var is not a directory"),
        (lambda cli: cli.state.chmod(0o720), "gateway.state_dir", "var can be written by other users"),
        (in_the_way("var/fix"), "gateway.state_dir", "store of session SIM: {}/var/fix is not a directory"),
        (in_the_way("var/fix/SIM"), "gateway.state_dir", "store of session SIM: {}/var/fix/SIM is not a directory"),
        (in_the_way("var/fix/SIM/store"), "gateway.state_dir", "/var/fix/SIM/store is not a directory"),
        (in_the_way("var/fix/SIM/dictionary"), "gateway.state_dir", "/var/fix/SIM/dictionary is not a directory"),
        (in_the_way("var/fix/SIM/send.log/x"), "gateway.state_dir", "/var/fix/SIM/send.log is not a file"),
        (in_the_way("var/fix/SIM/messages.log/x"), "gateway.state_dir", "/var/fix/SIM/messages.log is not a file"),
        (in_the_way("var/gateway.log/x"), "gateway.state_dir", "log: {}/var/gateway.log is not a file"),
        (in_the_way("var/emergency.log/x"), "gateway.state_dir", "emergency file: {}/var/emergency.log is not a file"),
        (in_the_way("var/run.json/x"), "gateway.state_dir", "run number: {}/var/run.json is not a file"),
        (in_the_way("var/journal.db/x"), "journal.url", "journal: {}/var/journal.db is not a file"),
        (
            elsewhere("url", "sqlite:///var/journal.db", "sqlite:///there/journal.db"),
            "journal.url",
            "{}/there is not a directory",
        ),
        (elsewhere("socket", "var/c.sock", "there/c.sock"), "control.socket", "{}/there is not a directory"),
    ],
)
def test_a_directory_that_cannot_be_used_is_one_line_and_6_to_check_doctor_and_run(
    ready: Any, breaks: Callable[[Any], None], key: str, what: str
) -> None:
    breaks(ready)
    what = what.format(ready.directory)
    found_key, said, remedy = only(ready)
    assert found_key == key
    assert what in said
    doctor = ready.json("doctor", exit_code=6)
    assert [what.rpartition(": ")[2] in fact["found"] for fact in doctor if fact["state"] == "bad"] == [True]
    run = ready("run")
    assert run.exit_code == 6
    assert run.stderr.strip() == f"error: {ready.config}: {key}: {said}; {remedy}" == ready("check").stderr.strip()


def test_the_directory_of_the_records_is_found_by_check_and_doctor(ready: Any) -> None:
    """A run trades without them: tests/recovery/test_life.py."""
    elsewhere("url", "sqlite:///var/records.db", "sqlite:///there/records.db")(ready)
    key, what, _ = only(ready)
    assert (key, what) == ("records.url", f"directory of the records: {ready.directory}/there is not a directory")
    [bad] = [fact for fact in ready.json("doctor", exit_code=6) if fact["state"] == "bad"]
    assert bad["subject"] == "directory of the records"


def test_records_that_are_no_file_are_found(ready: Any) -> None:
    in_the_way("var/records.db/x")(ready)
    assert only(ready)[:2] == ("records.url", f"records: {ready.state}/records.db is not a file")


def test_a_file_where_the_control_socket_goes(ready: Any) -> None:
    in_the_way("var/c.sock")(ready)
    key, what, remedy = only(ready)
    assert (key, what, bool(remedy)) == ("control.socket", f"{ready.state}/c.sock is not a socket", True)


def test_a_kill_file_that_cannot_be_read_is_found_before_it_stops_trading(ready: Any) -> None:
    (ready.state / "kill.json").write_text("{bad")
    key, what, remedy = only(ready)
    assert (key, "is unreadable" in what, remedy) == ("gateway.state_dir", True, "remove it, unless trading is to be stopped")


def test_a_journal_server_that_is_away_is_one_line_that_restores_nothing(ready: Any) -> None:
    edit(ready, "sqlite:///var/journal.db", "postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    key, what, remedy = only(ready)
    assert (key, "connection" in what, remedy) == ("journal.url", True, "check the server, the database and its permissions")


def as_anybody(*args: str) -> Any:
    """The command line as a process; where the user is root, as one who cannot write everywhere."""
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    if os.geteuid() == 0 and shutil.which(plain[0]) is None:
        pytest.skip("root writes everywhere, and there is no setpriv")
    command = [*(plain if os.geteuid() == 0 else ()), sys.executable, "-m", "gateway", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_what_this_user_cannot_write(ready: Any) -> None:
    """As after a run by another user."""
    store, log = ready.state / "fix/SIM/store", ready.state / "gateway.log"
    store.mkdir(parents=True)
    store.chmod(0o500)
    log.touch(mode=0o400)
    checked = as_anybody("check", str(ready.config))
    assert checked.returncode == 6
    said = [line.partition("gateway.state_dir: ")[2] for line in checked.stderr.splitlines()]
    remedy = "make it writable, and yours alone, or name another one"
    assert said == [
        f"log: {log} cannot be written by this user; {remedy}",
        f"store of session SIM: {store} cannot be written by this user; {remedy}",
    ]
    run = as_anybody("run", str(ready.config))
    assert (run.returncode, run.stderr) == (6, checked.stderr)


def test_a_folder_where_the_lock_of_the_journal_goes(ready: Any) -> None:
    (ready.state / "journal.db.lock").mkdir(parents=True)
    key, what, remedy = only(ready)
    assert (key, what.partition(":")[0]) == ("journal.url", "lock of the journal")
    assert (what.endswith("journal.db.lock is not a file"), remedy) == (True, "move it away, or name another one")
    assert ready("kill", "engage", "--reason", "drill").exit_code == 0


def test_a_journal_that_is_held_and_a_socket_that_answers(ready: Any, desk: Any) -> None:
    desk.opens()
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as server:
        server.bind(str(ready.state / "c.sock"))
        server.listen()
        (journal, control) = found(ready)
    assert (journal[0], f"process {os.getpid()} holds the journal" in journal[1]) == ("journal.url", True)
    assert control[0] == "control.socket"
    assert ready("check", "--running").exit_code == 0
    desk.closes()
    assert ready("check").exit_code == 0, "a socket file that nobody listens on is no obstacle"


def test_a_port_that_is_taken(ready: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        edit(ready, "metrics_port = 0", f"metrics_port = {server.getsockname()[1]}")
        assert only(ready)[0] == "telemetry.metrics_port"
        assert ready("check", "--running").exit_code == 0


def test_a_clock_that_is_behind_the_journal(ready: Any) -> None:
    journal = SqliteJournal(ready.state / "journal.db", "commit")
    step = Core({}).step(RunStopped(), run_id=1, at_ns=FAR_AHEAD_NS, wall_ns=FAR_AHEAD_NS)
    journal.append(step.records, {}, "")
    journal.close()
    key, what, remedy = only(ready)
    assert (key, remedy) == ("journal.url", "set the clock")
    assert "behind the journal's last event" in what


def test_encryption_that_this_engine_has_not_or_whose_files_are_not_there(ready: Any) -> None:
    edit(ready, 'target_comp_id = "SIM"\n', 'target_comp_id = "SIM"\ntls = true\ntls_ca_file = "ca.pem"\n')
    key, what, remedy = only(ready)
    assert key == "venues.SIM.tls"
    if tls.engine_has_tls():
        assert "ca.pem is not a file that can be read" in what
    else:
        assert what == "this engine was built without TLS"
        assert "stunnel" in remedy


def test_a_password_file_that_others_can_read(ready: Any) -> None:
    secret = ready.directory / "sim.password"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    edit(ready, 'target_comp_id = "SIM"\n', 'target_comp_id = "SIM"\npassword_file = "sim.password"\n')
    key, what, _ = only(ready)
    assert key == "venues[0].password_file"
    assert "other users can access" in what
    assert "hunter2" not in ready("check").output
    secret.chmod(stat.S_IRUSR)
    assert ready("check").exit_code == 0


def test_the_starter_is_accepted_with_everything_it_only_suggests(cli: Any, tmp_path: Any) -> None:
    """Each commented key of the file that `init` writes is one the gateway understands."""
    home = tmp_path / "desk"
    assert cli("init", str(home)).exit_code == 0
    text = (home / "gateway.toml").read_text()
    assert cli("check", config=str(home / "gateway.toml")).exit_code in (0, 6), "6: its port may be taken here"
    # A session for orders alone is another shape of the same venue: it excludes the market data of this one.
    suggestion = re.compile(r"^# (?!role|market_data_from)((?:[a-z_]+ = |\[+[a-z_.]+\]+).*)$", re.MULTILINE)
    assert len(suggestion.findall(text)) > 8
    whole = suggestion.sub(r"\1", text).replace(
        'url = "sqlite:///var/journal.db"', 'url = "postgresql+psycopg://desk@db/journal"'
    )  # a standby follows a journal both gateways reach
    (home / "gateway.toml").write_text(whole)
    loaded = load(home / "gateway.toml", check_secrets=False)
    assert loaded.configuration.standby.enabled
    assert loaded.configuration.venues[0].schedule is not None

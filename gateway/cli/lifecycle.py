"""From nothing to a running gateway: `demo`, `init`, `check`, `run`.

What they do is elsewhere (`gateway.demo`, `gateway.bootstrap`), imported when one of them is run.
"""

from __future__ import annotations

import gc
import shlex
import signal
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command
from gateway.errors import ConfigurationError, InternalError, PreconditionFailed, Problem

_FILE = click.Path(path_type=Path, readable=False)
_CONFIG = click.argument("config", required=False, type=_FILE)


@command("demo", example="gateway demo --seconds 10 --dir /tmp/demo")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=20, show_default=True, help="How long to trade.")
@click.option("--dir", "directory", type=_FILE, help="Keep everything here; a temporary directory when left out.")
@click.option("--ticks", type=_FILE, help="CSV timestamp,bid,ask the simulated venue plays.")
@click.option("--kill/--no-kill", default=True, help="SIGKILL the gateway half way, and recover.  [default: kill]")
@click.option("--dialect", default="generic-fix44", show_default=True, help="What both sides speak; see `gateway spec list`.")
def demo(instance: Instance, seconds: int, directory: Path | None, ticks: Path | None, kill: bool, dialect: str) -> None:
    """Run a simulated venue and a gateway, and compare their ledgers.

    Half-way the gateway is killed with SIGKILL and started again.
    The venue is a process of its own with a ledger of its own; exit code 0 when both ledgers are equal.
    """
    from gateway.demo import run as run_demo

    code = run_demo(seconds=seconds, directory=directory, ticks=ticks, kill=kill, dialect=dialect, json_output=instance.as_json)
    click.get_current_context().exit(code)


@command("init", example="gateway init desk")
@click.argument("directory", metavar="[DIR]", default=".", type=_FILE)
def init(instance: Instance, directory: Path) -> None:
    """Write a commented starter configuration.

    It goes to DIR/gateway.toml; a file that is there already is never overwritten.
    """
    path = write_starter(directory)
    if instance.as_json:
        output.document({"path": str(path)})
    else:
        click.echo(str(path))
    output.say(f"next: edit it, then `gateway check {shlex.quote(str(path))}`")


def write_starter(directory: Path) -> Path:
    """Copy the starter configuration to `directory`. Raises PreconditionFailed when one is there or cannot be written."""
    path = directory / "gateway.toml"
    content = starter().read_text("utf-8")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise PreconditionFailed(f"{path} is there already and was left as it is; move it away, or name another DIR") from None
    except OSError as error:
        raise PreconditionFailed(f"{path} cannot be written ({error.strerror}); name a DIR you can write to") from error
    return path


def starter() -> Path:
    """The starter configuration: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).parent.parent
    for path in (package / "starter" / "gateway.toml", package.parent / "config" / "gateway.toml"):
        if path.is_file():
            return path
    raise InternalError(f"no starter configuration in {package} or beside it: the installation is incomplete")


@command("check", example="gateway check gateway.toml")
@_CONFIG
@click.option("--running", is_flag=True, help="Leave out what a running gateway holds: its journal, ports and socket.")
def check(instance: Instance, config: Path | None, running: bool) -> None:
    """Verify everything that can be verified before the open.

    Keys, dictionaries, databases, files and their permissions, passwords, strategy import and parameters, TLS, journal, ports,
    clock. All problems are reported at once. CONFIG is the instance's configuration when left out.
    """
    path = config or instance.config_path
    problems = find_problems(path, running=running)
    if instance.as_json:
        output.document({"path": str(path), "ok": not problems, "problems": [asdict(problem) for problem in problems]})
    if problems:
        raise ConfigurationError(problems)
    if not instance.as_json:
        click.echo(f"{path}: ready to run")


def find_problems(path: Path, *, running: bool = False) -> list[Problem]:
    """Everything wrong with a configuration, and with what it needs around it."""
    from gateway.config.load import load

    try:
        load(path)
    except ConfigurationError as error:
        return error.problems
    from gateway.preflight import check as check_surroundings

    return check_surroundings(path, running=running)


@command("run", example="gateway run gateway.toml")
@_CONFIG
def run(instance: Instance, config: Path | None) -> None:
    """Run the live process in the foreground.

    Prints `ready` when every venue that should be up is logged on and reconciled. SIGTERM and SIGINT stop it cleanly. CONFIG
    is the instance's configuration when left out.
    """
    # Importing takes a second. Who wants to stop meanwhile is heard when there is somebody to hear him, and not by the default.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    gc.disable()  # a quarter of the time the imports take, and nothing they make is garbage
    try:
        from gateway.bootstrap.process import run as run_gateway

        gc.freeze()
        gc.enable()
        code = run_gateway(config or instance.config_path, json_output=instance.as_json)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    click.get_current_context().exit(code)

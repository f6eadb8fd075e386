"""A gateway process whose records live in PostgreSQL, and whose password for it must never be seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
from forked import run
from gateway_process import GatewayProcess

PASSWORD = "records-s3cr=t"


class PostgresqlGateway(GatewayProcess):
    """Its SQL is answered by the server, as the server's own superuser sees it."""

    database = ""

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(sql.replace("?", "%s"), values or None).fetchall()  # type: ignore[call-overload,no-any-return]

    def cli(self, *arguments: str, exit_code: int = 0) -> Any:
        """The document a command prints, or what it says on stderr when it refuses."""
        done = run(["-m", "gateway", "--config", str(self.config), *arguments, "--json"])
        assert done.returncode == exit_code, done.stderr + done.stdout
        assert PASSWORD not in done.stdout + done.stderr
        return json.loads(done.stdout) if exit_code in (0, 1) else done.stderr

    def tells_nobody(self) -> None:
        """No file the gateway wrote, or printed to, holds the password."""
        written = [path for path in self.home.rglob("*") if path.is_file() and path.name != "records.password"]
        assert len(written) > 5
        assert [path for path in written if PASSWORD.encode() in path.read_bytes()] == []


def make_gateway(server: Any, directory: Path, port: int, extra: str = "", **options: Any) -> PostgresqlGateway:
    """A gateway with an empty database of its own and the password in a private file."""
    directory.mkdir(parents=True)
    server.psql(f"CREATE DATABASE {directory.name} OWNER desk;")
    secret = directory / "records.password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    url = server.get_uri(directory.name, driver="psycopg").replace("postgres:@", "desk@")
    records = f'[records]\nurl = "{url}"\npassword_file = "records.password"\n'
    made = PostgresqlGateway(directory, port, extra=records + extra, **options)
    made.database = server.get_uri(directory.name)
    return made

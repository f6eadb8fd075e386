"""Opening, migrating and checking the records, and what an operator is told when that does not work."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from gateway.errors import InternalError, PreconditionFailed
from gateway.records import schema
from gateway.records.engines import RecordsUnavailable
from gateway.records.revision import WANTED
from gateway.records.store import RecordStore
from gateway.records.tables import METADATA
from gateway.records.views import VIEWS


def test_migrated_is_declared(store: RecordStore) -> None:
    assert store.current_revision() == WANTED
    assert store.check() == []


def test_migrated_and_declared_have_the_same_definition(store: RecordStore, url: str, tmp_path: Path) -> None:
    """Down to the text that the database itself keeps, which reflection cannot see (STRICT, WITHOUT ROWID, the views)."""
    with store.transaction() as connection:
        if connection.dialect.name == "sqlite":
            migrated = _sqlite_definitions(connection)
            for view in VIEWS.values():
                connection.exec_driver_sql(f"DROP VIEW {view.name}")
            METADATA.drop_all(connection)
            METADATA.create_all(connection)
            for view in VIEWS.values():
                connection.exec_driver_sql(view.ddl)
            assert _sqlite_definitions(connection) == migrated
            return
        connection.exec_driver_sql("CREATE SCHEMA declared")
        connection.exec_driver_sql("SET search_path TO declared")
        METADATA.create_all(connection, checkfirst=False)
        for view in VIEWS.values():
            connection.exec_driver_sql(view.ddl)
        declared = _postgresql_definitions(connection, "declared")
        connection.exec_driver_sql("SET search_path TO public")
        assert _postgresql_definitions(connection, "public") == declared


def _sqlite_definitions(connection: Any) -> dict[str, str]:
    found = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    )
    return {row.name: " ".join(row.sql.split()) for row in found}


def _postgresql_definitions(connection: Any, where: str) -> set[tuple[str, ...]]:
    columns = connection.exec_driver_sql(
        "SELECT table_name, column_name, data_type, is_nullable, ordinal_position::text, numeric_scale::text"
        f" FROM information_schema.columns WHERE table_schema = '{where}'"
    )
    indexes = connection.exec_driver_sql(
        f"SELECT replace(indexdef, '{where}.', '') FROM pg_indexes WHERE schemaname = '{where}'"
    )
    views = connection.exec_driver_sql(f"SELECT viewname, definition FROM pg_views WHERE schemaname = '{where}'")
    partitioned = connection.exec_driver_sql(
        "SELECT relname, pg_get_partkeydef(oid) FROM pg_class"
        f" WHERE relkind = 'p' AND relnamespace = CAST('{where}' AS regnamespace)"
    )
    rows = {tuple(row) for result in (columns, indexes, views, partitioned) for row in result}
    return {row for row in rows if "alembic_version" not in " ".join(map(str, row))}


def test_check_names_what_departs(store: RecordStore) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("DROP VIEW v_sessions")
        connection.exec_driver_sql("DROP VIEW v_fills")
        connection.exec_driver_sql("CREATE VIEW v_fills AS SELECT order_id FROM fills")
        connection.exec_driver_sql("CREATE TABLE stray (id INTEGER)")
    found = "\n".join(store.check())
    assert "missing view v_sessions" in found
    assert "view v_fills has columns order_id; wanted order_id, exec_id" in found
    assert "remove_table stray" in found


def test_upgrading_twice_changes_nothing(store: RecordStore) -> None:
    assert store.upgrade() == WANTED
    store.ensure_current()
    store.require_current()


def test_records_of_a_newer_gateway_are_refused(store: RecordStore) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for use in (store.ensure_current, store.upgrade, store.require_current):
        with pytest.raises(PreconditionFailed, match="at revision 9999, which this build does not know"):
            use()


def test_an_unmigrated_database(url: str) -> None:
    store = RecordStore(url)
    assert store.current_revision() is None
    if url.startswith("sqlite"):
        with pytest.raises(PreconditionFailed, match="there are no records at"):
            store.checkpoint()
        assert not Path(url.removeprefix("sqlite:///")).exists(), "reading creates nothing"
        store.ensure_current()
        assert store.check() == []
    else:
        with pytest.raises(PreconditionFailed, match=r"at revision none, this build wants .*; run `gateway db upgrade`"):
            store.ensure_current()
    store.close()


def test_a_failed_migration_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RecordStore(url)
    real = schema.upgrade

    def dies(connection: Any) -> None:
        real(connection)
        connection.exec_driver_sql("SELECT * FROM no_such_table")

    monkeypatch.setattr(schema, "upgrade", dies)
    with pytest.raises(RecordsUnavailable):
        store.upgrade()
    with store.transaction() as connection:
        assert inspect(connection).get_table_names() == []
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://root@localhost/records", "records cannot live in mysql"),
        ("postgresql+asyncpg://u:hidden@h/d", "records cannot live in"),
        ("not a url hidden", "cannot be read; write sqlite:///"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
    ],
)
def test_urls_that_cannot_be(url: str, said: str) -> None:
    with pytest.raises(PreconditionFailed, match=said) as caught:
        RecordStore(url)
    assert "hidden" not in str(caught.value)


def test_a_password_is_in_no_message() -> None:
    store = RecordStore("postgresql://desk@127.0.0.1:1/records", password="hidden")
    with pytest.raises(RecordsUnavailable, match=r"127\.0\.0\.1") as caught:
        store.require_current()
    assert "hidden" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hidden" not in store.shown_url
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_text("this is not a database, and long enough to be looked at as one" * 20)
    store = RecordStore(f"sqlite:///{tmp_path}/records.db")
    with pytest.raises(PreconditionFailed, match="file is not a database; move it away"):
        store.ensure_current()
    store.close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = RecordStore(f"sqlite:///{tmp_path}/file/records.db")
    with pytest.raises(PreconditionFailed, match="records database sqlite:///"):
        store.ensure_current()
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    store = RecordStore(f"sqlite:///{tmp_path}/records.db")
    with pytest.raises(PreconditionFailed, match="unable to open database file; make its directory"):
        store.ensure_current()
    store.close()


def test_readers_do_not_wait_for_a_writer(store: RecordStore, url: str) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE checkpoint SET seq = 5")
        assert store.checkpoint().seq == 0
    assert store.checkpoint().seq == 5


def test_sqlite_refuses_what_is_not_of_its_type(tmp_path: Path) -> None:
    store = RecordStore(f"sqlite:///{tmp_path}/records.db")
    store.upgrade()
    store.close()
    plain = sqlite3.connect(tmp_path / "records.db")
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        plain.execute("UPDATE checkpoint SET seq = 'five'")
    plain.close()


def test_migrations_are_found_where_the_package_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gateway"
    monkeypatch.setattr("gateway.__file__", str(package / "__init__.py"))
    with pytest.raises(InternalError, match="no migrations in"):
        schema.location()
    (package / "migrations").mkdir(parents=True)
    (package / "migrations" / "env.py").touch()
    assert schema.location() == package / "migrations"

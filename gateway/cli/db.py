"""`gateway db`: the revision and the shape of the records database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command, group

if TYPE_CHECKING:
    from gateway.records.store import RecordStore

db = group("db", "The records database: its revision and its shape.")


@command("upgrade", within=db, example="gateway db upgrade")
def upgrade(instance: Instance) -> None:
    """Bring the records database to the revision of this build."""
    with _store(instance) as store:
        before = store.current_revision()
        after = store.upgrade()
        _tell(instance, {"url": store.shown_url, "before": before, "revision": after}, f"{store.shown_url}: revision {after}")


@command("current", within=db, example="gateway db current")
def current(instance: Instance) -> None:
    """The revision the records database has, and the one this build wants."""
    from gateway.records.schema import wanted_revision

    with _store(instance) as store:
        found, wanted = store.current_revision(), wanted_revision()
        sentence = f"{store.shown_url}: revision {found or 'none'}, this build wants {wanted}"
        _tell(instance, {"url": store.shown_url, "revision": found, "wanted": wanted}, sentence)


@command("check", within=db, example="gateway db check")
def check(instance: Instance) -> None:
    """Compare the database with what this build declares; exit code 1 when they differ."""
    with _store(instance) as store:
        store.require_current()
        differences = store.check()
        lines = differences or [f"{store.shown_url}: as this build declares it"]
        _tell(instance, {"url": store.shown_url, "differences": differences}, *lines)
    if differences:
        click.get_current_context().exit(1)


@contextmanager
def _store(instance: Instance) -> Iterator[RecordStore]:
    store = instance.record_store()
    try:
        yield store
    finally:
        store.close()


def _tell(instance: Instance, answer: dict[str, object], *sentences: str) -> None:
    if instance.as_json:
        output.document(answer)
        return
    for sentence in sentences:
        click.echo(output.cell(sentence))

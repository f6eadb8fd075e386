"""`gateway db`: the revision and the shape of the records database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command, confirm, group, yes
from gateway.errors import PreconditionFailed

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
    from gateway.records.revision import WANTED

    with _store(instance) as store:
        found = store.current_revision()
        sentence = f"{store.shown_url}: revision {found or 'none'}, this build wants {WANTED}"
        _tell(instance, {"url": store.shown_url, "revision": found, "wanted": WANTED}, sentence)


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


@command("rebuild", within=db, example="gateway db rebuild --yes")
@yes
def rebuild(instance: Instance, yes: bool) -> None:
    """Write the records anew from the journal.

    Empties every table and fills it again, then compares all rows with the journal. The gateway must be stopped. History in
    detached partitions is written again, into new ones. Exit code 1 when the new records differ from the journal.
    """
    from gateway.records.rebuild import rebuild as write_anew

    holder = instance.journal().holder()
    if holder is not None:
        raise PreconditionFailed(f"{holder} is writing to the journal and the records: `gateway stop` first")
    with _store(instance) as store, closing(instance.journal().reader()) as reader:
        confirm("rebuild", f"emptying and rewriting the records at {store.shown_url}", yes=yes)
        with output.progress() as tell:
            done = write_anew(store, reader, tell)
    before = "belonged to another history" if done.differed is None else f"differed in {done.differed} places"
    sentences = (
        f"{store.shown_url}: {done.events} events written anew; the old records {before}",
        f"compared with the journal: {sum(done.compared.values())} rows"
        f" ({', '.join(f'{name} {count}' for name, count in done.compared.items()) or 'no events'})",
        "equal" if done.differences == 0 else f"NOT EQUAL: {done.differences} differences; see `gateway verify`",
    )
    _tell(instance, {"url": store.shown_url, **asdict(done), "equal": done.differences == 0}, *sentences)
    if done.differences:
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

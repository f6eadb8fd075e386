"""The venues' side of a run: one adapter and one engine a session, begun where the journal says the last run ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.bootstrap.places import tls_files
from gateway.config.directories import session_directory
from gateway.config.load import LoadedConfiguration
from gateway.config.model import Venue
from gateway.core.state import State
from gateway.core.values import NANOS
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder
from gateway.fix.permissive import write_permissive
from gateway.fix.strict import StrictDictionary
from gateway.journal.interface import Watermark
from gateway.journal.run_number import RunNumber
from gateway.runtime.intake import Intake
from gateway.runtime.observer import Observer
from gateway.runtime.settings import session_id
from gateway.venue.adapter import VenueAdapter
from gateway.venue.emergency_file import EmergencyFile
from gateway.venue.engine import QuickFixLink
from gateway.venue.engine_settings import EngineSettings
from gateway.venue.fix_log import FixLog
from gateway.venue.gate import KillGate
from gateway.venue.hours import Hours
from gateway.venue.numbering import Place
from gateway.venue.numbers import Numbers, read_store, to_restore
from gateway.venue.send_log import SendLog


def make_adapters(
    loaded: LoadedConfiguration,
    state: State,
    marks: Mapping[str, Watermark],
    run_number: RunNumber,
    gate: KillGate,
    emergency_file: EmergencyFile,
    observer: Observer,
    fence: Callable[[], str | None],
) -> dict[str, VenueAdapter]:
    """Name -> adapter, without an engine yet: that feeds the intake from its first moment."""
    made = {
        venue.name: _adapter(loaded, venue, state, marks, run_number, gate, emergency_file, observer, fence)
        for venue in loaded.configuration.venues
    }
    for name, adapter in made.items():
        for order_id in state.execution.open[f"venue:{name}"]:
            adapter.emergency.keep(state.execution.orders[order_id])
    return made


def _adapter(
    loaded: LoadedConfiguration,
    venue: Venue,
    state: State,
    marks: Mapping[str, Watermark],
    run_number: RunNumber,
    gate: KillGate,
    emergency_file: EmergencyFile,
    observer: Observer,
    fence: Callable[[], str | None],
) -> VenueAdapter:
    dialect = load_dialect(venue.dialect)
    session = session_id(loaded.configuration, venue.name)
    strict = StrictDictionary(dialect)
    mark = marks.get(session)
    known = state.control.sessions.get(venue.name)
    epoch = max(mark.epoch if mark else 1, known.epoch if known else 1)
    place = Place(
        venue=venue.name,
        session=session,
        epoch=epoch,
        watermark=mark.msg_seq_num if mark is not None and mark.epoch == epoch else 0,
    )
    return VenueAdapter(
        place,
        decoder=Decoder(dialect, strict, venue.name, session),
        encoder=Encoder(dialect, strict),
        send_log=SendLog(_directory(loaded, venue) / "send.log", run_number.run_id),
        gate=gate,
        symbols=venue.market_data,
        count=observer.message,
        id_prefix=f"{run_number.id_prefix}-{run_number.run_id}",
        heartbeat=observer.heartbeat,
        takes_orders=venue.role != "market-data",
        resend_timeout_ns=venue.resend_timeout_seconds * NANOS,
        emergency_file=emergency_file,
        hours=None if venue.schedule is None else Hours(**venue.schedule.model_dump()),
        fence=fence,
    )


def attach_links(
    loaded: LoadedConfiguration,
    adapters: Mapping[str, VenueAdapter],
    state: State,
    marks: Mapping[str, Watermark],
    passwords: Mapping[str, str | None],
    intake: Intake,
    observer: Observer,
    *,
    fence: Callable[[], str | None],
    elsewhere: bool,
) -> list[FixLog]:
    """Give every adapter its engine, with the numbers it goes on with; nothing connects yet. Returns the FIX logs to close.

    `fence`: see `VenueAdapter`; `elsewhere`: see `to_restore`. Raises PreconditionFailed for settings that the engine refuses.
    """
    logs: list[FixLog] = []
    for venue in loaded.configuration.venues:
        adapter = adapters[venue.name]
        settings = _engine_settings(loaded, venue, adapter, passwords[venue.name])
        planned = state.control.planned.get(venue.name)
        numbers = _numbers(settings, adapter, marks.get(adapter.session), elsewhere=elsewhere)
        if planned is not None:  # the end of the last run came before the logon that was to use them
            numbers = Numbers(planned.next_sender, planned.next_target)
        log = FixLog(_directory(loaded, venue) / "messages.log")
        logs.append(log)
        adapter.attach(QuickFixLink(settings, numbers, intake, log, observer.message, fence))
        if planned is not None:
            adapter.renumber(planned)
    return logs


def _numbers(settings: EngineSettings, adapter: VenueAdapter, mark: Watermark | None, *, elsewhere: bool) -> Numbers:
    """What store, journal and send log together say; read before the engine touches its store."""
    on_disk = read_store(settings.store, settings.begin_string, settings.sender_comp_id, settings.target_comp_id)
    watermark = adapter.watermark
    known = None if mark is None else watermark.msg_seq_num
    promised = mark.next_sender if mark is not None and mark.epoch == watermark.epoch else 0
    return to_restore(on_disk, known, adapter.outbound.last_number, promised, elsewhere=elsewhere)


def _engine_settings(loaded: LoadedConfiguration, venue: Venue, adapter: VenueAdapter, password: str | None) -> EngineSettings:
    dialect = load_dialect(venue.dialect)
    directory = _directory(loaded, venue)
    return EngineSettings(
        venue=venue.name,
        begin_string=dialect.begin_string,
        sender_comp_id=venue.sender_comp_id,
        target_comp_id=venue.target_comp_id,
        host=venue.host,
        port=venue.port,
        heartbeat_seconds=venue.heartbeat_seconds,
        reconnect_seconds=venue.reconnect_seconds,
        reset_on_logon=venue.reset_on_logon,
        store=directory / "store",
        dictionaries=write_permissive(dialect, directory / "dictionary"),
        appl_ver_id=dialect.appl_ver_id,
        credentials=adapter.encoder.credentials(venue.username, password),
        logon_fields=adapter.encoder.logon_fields(cancel_on_disconnect=venue.cancel_on_disconnect),
        resend_chunk=dialect.session.resend_chunk,
        next_expected=dialect.session.next_expected,
        tls=tls_files(loaded, venue),
    )


def _directory(loaded: LoadedConfiguration, venue: Venue) -> Path:
    return session_directory(loaded.state_dir, venue.name)

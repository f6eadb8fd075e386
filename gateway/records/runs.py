"""Runs and configurations: the only rows that come from events without a change to the trading state.

Pure: no SQL, no state but the context's.
"""

from __future__ import annotations

from gateway.core.events import Recorded, RunStarted, RunStopped
from gateway.records.context import Context, RowOp, position_in_stream

RUNTIMES = {
    "live": "a gateway that trades",
    "research": "a strategy run over recorded data",
}
"""`v_runs.runtime`."""


def run_rows(recorded: Recorded, context: Context) -> list[RowOp]:
    """Runs and configurations; a run that never recorded its end keeps `stopped_ns` NULL and `clean_stop` false."""
    event = recorded.event
    if isinstance(event, RunStarted):
        context.run = position_in_stream(recorded, context) | {
            "runtime": "live",
            "experiment_id": None,
            "parameters": None,
            "data_sha256": None,
            "started_ns": recorded.at_ns,
            "stopped_ns": None,
            "clean_stop": False,
            "version": event.version,
        }
        return [RowOp("runs", context.run), *_configuration(recorded, context)]
    if isinstance(event, RunStopped) and context.run is not None and context.run["run_id"] == recorded.run_id:
        context.run = context.run | position_in_stream(recorded, context) | {"stopped_ns": recorded.at_ns, "clean_stop": True}
        return [RowOp("runs", context.run)]
    return _configuration(recorded, context)


def _configuration(recorded: Recorded, context: Context) -> list[RowOp]:
    """The row of the configuration in effect, at its first use only, whatever event put it into effect."""
    config_sha256 = context.config_sha256
    if not config_sha256 or config_sha256 in context.configurations_seen:
        return []
    context.configurations_seen.add(config_sha256)
    row = position_in_stream(recorded, context) | {
        "config_sha256": config_sha256,
        "toml": context.configuration(config_sha256),
        "first_used_ns": recorded.at_ns,
    }
    return [RowOp("configurations", row)]

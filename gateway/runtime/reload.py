"""Taking up a changed configuration while the gateway runs: all of it or nothing, as an event.

What the core alone decides with may change (`LIVE`): limits, rates, parameters of strategies. What connections, files, ports
and identities are made of may not: those keys are named, and nothing is changed. The new settings travel in the event, so
that a replay needs no file; the text is in the journal before the event that names its hash.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.config.load import LoadedConfiguration, load
from gateway.config.model import Configuration
from gateway.control.surface import ApplyConfiguration, ConfigurationAnswer
from gateway.core.core import AnyStrategy
from gateway.core.events import ConfigurationUpdated
from gateway.core.settings import CoreSettings, StrategySettings
from gateway.errors import Denied
from gateway.runtime.requests import APPLY_SECONDS, position
from gateway.runtime.runtime import Runtime
from gateway.runtime.settings import core_settings

_NAMES = {"venues": "name", "strategies": "name", "instruments": "symbol"}
"""Arrays of tables, and what tells their entries apart."""

LIVE = (
    "risk.*",
    "instruments.*.tick_size",
    "instruments.*.lot_size",
    "instruments.*.reference_price",
    "venues.*.ack_timeout_seconds",
    "venues.*.rate_limit.*",
    "venues.*.hard_rate_limit*",
    "rate_groups.*",
    "venues.*.cancel_on_disconnect",
    "strategies.*.params*",
    "strategies.*.events",
)
"""Keys that may change while the gateway runs; every other needs a restart."""


def changed_keys(old: Configuration, new: Configuration) -> tuple[list[str], list[str]]:
    """Keys whose values differ: those that may change at run time, and those that need a restart. Sorted."""
    before, after = (dict(_flat("", one.model_dump(by_alias=True))) for one in (old, new))
    different = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    live = [key for key in different if any(fnmatchcase(key, pattern) for pattern in LIVE)]
    return live, [key for key in different if key not in live]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, object]]:
    """Leaves with their keys. Entries of an array of tables are known by name; their order is a key of its own."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, entry)
    elif prefix in _NAMES:
        names = [entry[_NAMES[prefix]] for entry in value]
        yield f"{prefix} (names and order)", tuple(names)
        for name, entry in zip(names, value, strict=True):
            yield from _flat(f"{prefix}.{name}", entry)
    else:
        yield prefix, repr(value)


class Reloader:
    """Any thread; one at a time."""

    def __init__(
        self,
        loaded: LoadedConfiguration,
        runtime: Runtime,
        *,
        remember: Callable[[str, str], None],
        build: Callable[[Mapping[str, StrategySettings]], Mapping[str, AnyStrategy]],
        applied: Callable[[LoadedConfiguration], None],
    ) -> None:
        """`remember(sha256, text)` stores a configuration in the journal; `build` makes the strategies it configures."""
        self._loaded = loaded
        self._runtime = runtime
        self._remember = remember
        self._build = build
        self._applied = applied
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        return self._loaded.path

    def apply(self, request: ApplyConfiguration, actor: str) -> ConfigurationAnswer:
        """Take up what the file says now.

        Raises ConfigurationError with every problem of the file, Denied naming the keys that need a restart,
        PreconditionFailed when a strategy refuses its parameters.
        """
        with self._lock:
            new = load(self._loaded.path)
            if new.sha256 == self._loaded.sha256:
                return ConfigurationAnswer(
                    seq=self._runtime.durable_seq, sha256=new.sha256, changed=(), detail="nothing has changed"
                )
            live, restart = changed_keys(self._loaded.configuration, new.configuration)
            if restart:
                raise Denied(
                    f"{new.path}: these keys change only with a restart: {', '.join(restart)}; nothing was changed"
                    f" (could change now: {', '.join(live) or 'nothing'})"
                )
            return self._submit(new, live, request, actor)

    def _submit(
        self, new: LoadedConfiguration, live: list[str], request: ApplyConfiguration, actor: str
    ) -> ConfigurationAnswer:
        settings = self._settings(new)
        strategies = self._build(settings.strategies)
        event = ConfigurationUpdated(
            actor=actor, reason=request.reason, request_id=request.request_id, settings=settings, changed=tuple(live)
        )
        state = self._runtime.core.state
        repeated = False

        def make() -> ConfigurationUpdated:
            nonlocal repeated
            repeated = request.request_id in state.control.requests
            if not repeated:
                self._remember(new.sha256, new.text)
                self._runtime.core.use(strategies)
                self._loaded = new  # here, because nobody may be waiting any more: what is in effect is compared with the next
                self._applied(new)
            return event

        step = self._runtime.submit(make, APPLY_SECONDS)
        if repeated:
            raise Denied(f"request {request.request_id} was made before, for another content; use a new request id")
        return ConfigurationAnswer(
            seq=position(step), sha256=new.sha256, changed=tuple(live), detail=f"applied: {', '.join(live)}"
        )

    def _settings(self, new: LoadedConfiguration) -> CoreSettings:
        """As configured, with the hashes of the code that runs: a file that changed on disk since is not what runs."""
        settings = core_settings(new)
        running = self._runtime.core.state.control.settings.strategies
        strategies = {
            name: replace(one, code_sha256=running[name].code_sha256) if name in running else one
            for name, one in settings.strategies.items()
        }
        return replace(settings, strategies=strategies)

"""The live process around the core: one thread that owns the state, and the queues, clocks and switches beside it.

Begin with `runtime` (the thread; a `batch` is one turn of it), `intake` (where its input waits) and `journaling` (nothing
leaves that is not durable). `guards`, `overruns`, `emergency` and `kill_switch` stop it; `surface`, `requests` and `reload`
are an operator's hand on it; `status`, `alarms` and `observer` tell how it is; `keeper` keeps its next start short.
"""

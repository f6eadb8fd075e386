"""`python -m gateway.sim`: the venue without the gateway's command line."""

from __future__ import annotations

from gateway.sim.cli import main

main()

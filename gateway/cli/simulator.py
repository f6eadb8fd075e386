"""Lends the simulator's command (`gateway.sim.cli`) the example that every command here has.

The simulator is no part of the gateway and knows nothing of it; `--config` is its own argument there.
"""

from __future__ import annotations

import copy

from gateway.sim.cli import venue_sim as _venue_sim

venue_sim = copy.copy(_venue_sim)
venue_sim.epilog = "\b\nExample:\n  gateway venue-sim --port 9878 --symbol USD/JPY --rate 5"

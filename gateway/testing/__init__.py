"""For whoever tests a strategy: the core that decides live, and a venue played by the test. See docs/strategies.md."""

from __future__ import annotations

from gateway.testing.strategy import USD_JPY, StrategyHarness

__all__ = ["USD_JPY", "StrategyHarness"]

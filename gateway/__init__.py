"""A live trading gateway: FIX connectivity around a deterministic, event-driven core."""

__version__ = "0.1.0"

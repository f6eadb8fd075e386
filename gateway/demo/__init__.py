"""The main job end to end: a venue, a gateway, a strategy, a SIGKILL in the middle, and two ledgers that must agree."""

from gateway.demo.run import run

__all__ = ["run"]

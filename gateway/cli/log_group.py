"""The noun `gateway log`, with all its verbs: importing them adds them to it."""

from gateway.cli import log_analysis
from gateway.cli.log import log

__all__ = ["log", "log_analysis"]

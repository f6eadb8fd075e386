"""Moved to `gateway.redaction`."""

from gateway.redaction import MASK, printable, redact, redact_value

__all__ = ["MASK", "printable", "redact", "redact_value"]

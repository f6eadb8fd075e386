"""Whether a session can be encrypted here, and with which files. Does not import the engine: it looks at what is installed.

The engine checks the chain of the venue's certificate against `tls_ca_file` and nothing else: it neither sends the name of the
server (SNI) nor compares it with the certificate. So the authority given must be one that vouches for this venue alone, and
`tls_server_name` is refused rather than ignored.
"""

from __future__ import annotations

import os
import stat
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from gateway.errors import PreconditionFailed

_NO_TLS = b"HAVE_SSL not enabled"
"""What an engine built without TLS says; an engine with TLS does not hold the text."""
REMEDY = "install an engine that was built with TLS, or set it to false and put a TLS proxy such as stunnel before the venue"


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """`ca_file` holds the authorities that vouch for the venue (PEM); certificate and key are ours, where the venue asks."""

    ca_file: Path
    cert_file: Path | None = None
    key_file: Path | None = None


@cache
def engine_has_tls() -> bool:
    """Raises PreconditionFailed when there is no engine."""
    found = find_spec("_quickfix")
    if found is None or found.origin is None:
        raise PreconditionFailed("the FIX engine is not installed; run `pip install .`")
    return _NO_TLS not in Path(found.origin).read_bytes()


def check_tls(files: TlsFiles) -> None:
    """Raise PreconditionFailed when this engine has no TLS, or a file cannot be used."""
    if not engine_has_tls():
        raise PreconditionFailed(f"this engine was built without TLS; {REMEDY}")
    for path in (files.ca_file, files.cert_file, files.key_file):
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise PreconditionFailed(f"{path} is not a file that can be read; correct the path, or its permissions")
    if files.key_file is not None and stat.S_IMODE(files.key_file.stat().st_mode) & 0o077:
        raise PreconditionFailed(f"{files.key_file} is a private key that other users can access; chmod 600 it")

"""What the engine is told about a session: our settings as the text it reads.

Fixed are NonStopSession=Y, PersistMessages=N and no resets of the engine's own: schedules and resets are ours. With
PersistMessages=N a resend request is answered by a gap fill, so a stale order can never be sent again, and the store holds no
password.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.fix.permissive import PermissiveFiles
from gateway.venue.tls import TlsFiles


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one session needs. `credentials` are put into the Logon on its way out and kept nowhere else."""

    venue: str
    begin_string: str
    sender_comp_id: str
    target_comp_id: str
    host: str
    port: int
    heartbeat_seconds: int
    reconnect_seconds: int
    reset_on_logon: bool
    store: Path
    dictionaries: PermissiveFiles
    appl_ver_id: str | None = None
    credentials: tuple[tuple[int, str], ...] = ()
    logon_fields: tuple[tuple[int, str], ...] = ()
    """What else the Logon carries."""
    resend_chunk: int | None = None
    """Most messages one ResendRequest(2) asks for."""
    next_expected: bool = False
    """Logon with NextExpectedMsgSeqNum(789)."""
    tls: TlsFiles | None = None

    def __repr__(self) -> str:
        return f"EngineSettings(venue={self.venue!r})"


def settings_text(settings: EngineSettings) -> str:
    """One [DEFAULT] and one [SESSION], without any secret."""
    fixed: dict[str, str | int | Path] = {
        "ConnectionType": "initiator",
        "NonStopSession": "Y",
        "PersistMessages": "N",
        "ResetOnLogon": "Y" if settings.reset_on_logon else "N",
        "ResetOnLogout": "N",
        "ResetOnDisconnect": "N",
        "AllowUnknownMsgFields": "Y",
        "ValidateUserDefinedFields": "N",
        "ValidateFieldsHaveValues": "N",
        "ValidateFieldsOutOfOrder": "N",
        "CheckLatency": "N",
        "SendNextExpectedMsgSeqNum": "Y" if settings.next_expected else "N",
        "SocketNodelay": "Y",
        "LogonTimeout": "10",
        "LogoutTimeout": "2",
        "SocketConnectHost": settings.host,
        "SocketConnectPort": settings.port,
        "HeartBtInt": settings.heartbeat_seconds,
        "ReconnectInterval": settings.reconnect_seconds,
        "FileStorePath": settings.store,
    }
    if settings.appl_ver_id is None:
        fixed["DataDictionary"] = settings.dictionaries.application
    else:
        fixed["DefaultApplVerID"] = settings.appl_ver_id
        fixed["AppDataDictionary"] = settings.dictionaries.application
        fixed["TransportDataDictionary"] = settings.dictionaries.transport or ""
    if settings.tls is not None:
        fixed |= _tls_text(settings.tls)
    lines = [f"{key}={value}" for key, value in fixed.items()]
    session = [
        f"BeginString={settings.begin_string}",
        f"SenderCompID={settings.sender_comp_id}",
        f"TargetCompID={settings.target_comp_id}",
    ]
    return "\n".join(["[DEFAULT]", *lines, "[SESSION]", *session, ""])


def _tls_text(files: TlsFiles) -> dict[str, str | int | Path]:
    """A certificate that `ca_file` does not vouch for ends the connection: level 1 verifies the peer."""
    ours = {"ClientCertificateFile": files.cert_file, "ClientCertificateKeyFile": files.key_file}
    given: dict[str, str | int | Path] = {key: path for key, path in ours.items() if path is not None}
    return {
        "CertificationAuthoritiesFile": files.ca_file,
        "CertificateVerifyLevel": 1,
        "SSLProtocol": "+TLSv1_2 +TLSv1_3",
        **given,
    }

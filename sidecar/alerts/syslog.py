"""Audit messages as syslog (RFC 5424), framed for TLS (RFC 5425), as IHE ATNA asks for (ITI-20, Audit Message Interactions)."""

from sidecar.audit.atna import Record, message

AUTHPRIV, NOTICE, WARNING = 10, 5, 4
"""Facility "security/authorization messages" and severities (RFC 5424 section 6.2.1)."""
APPLICATION = "ReadingRoom"
MESSAGE_ID = "DICOM+RFC3881"
"""MSGID by which collectors know an audit message (PS3.15 A.6.2.1)."""
BOM = "\ufeff"
"""Says that what follows is UTF-8 (RFC 5424 section 6.4)."""
DEFAULT_PORT = 6514


def frame(told: Record, *, host: str) -> bytes:
    """Return one message with its length before it (RFC 5425 section 4.3). ``host`` is our own name."""
    severity = WARNING if told.outcome else NOTICE
    priority = AUTHPRIV * 8 + severity
    at = told.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    header = f"<{priority}>1 {at} {_word(host, 255)} {APPLICATION} - {MESSAGE_ID} -"
    text = f"{header} {BOM}{message(told)}".encode()
    return str(len(text)).encode() + b" " + text


def _word(text: str, longest: int) -> str:
    """Return a text as a field of the header: printable ASCII without spaces, or the nil value."""
    return "".join(sign for sign in text if "!" <= sign <= "~")[:longest] or "-"

"""What ``./readingroom audit`` says, line by line."""

import gzip
from collections.abc import Callable
from pathlib import Path

from sidecar.audit import inspection, transfer
from sidecar.audit.chain import Verdict
from sidecar.audit.checkpoints import Signer
from sidecar.gate.machine import Workshop
from sidecar.kernel.errors import Invalid

Say = Callable[[str], object]


def tell_instance(shop: Workshop, organisation: str, say: Say) -> bool:
    """Verify the journals of a running instance; True when nothing was found."""
    verifier = _signer(shop).verifier
    whole = True
    for each in inspection.inspect(shop.scopes, verifier, shop.settings.checkpoints_dir, only=organisation):
        _tell(f"{each.name} ({each.organisation_id})", each.verdict, say)
        whole = whole and each.verdict.whole
    say(f"Checkpoints are signed by the key {verifier.fingerprint}")
    return whole


def tell_export(path: Path, key: str, say: Say) -> bool:
    """Verify an exported journal without an instance; True when nothing was found."""
    about, verdict = transfer.verify_file(path, key=key)
    _tell(f"{about.get('name', path.name)}, exported {about.get('made_at', 'at an unknown time')}", verdict, say)
    if about.get("key") and not key:
        say(f"Signed by the key {about['key']}: compare it with the one on the audit page, or name it with --key")
    return verdict.whole


def write_export(shop: Workshop, organisation: str, path: Path, say: Say) -> None:
    """Write one organisation's whole journal to a file, readable for its owner only."""
    found = inspection.named(shop.scopes, organisation)
    if len(found) != 1:
        raise Invalid("Name one organisation.")
    signer = _signer(shop)
    path.touch(mode=0o600)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        for line in inspection.write(shop.scopes, signer, *found[0]):
            file.write(line)
    say(f"Wrote {path}. It is signed by the key {signer.verifier.fingerprint}")


def _tell(name: str, verdict: Verdict, say: Say) -> None:
    since = f", signed up to entry {verdict.anchored}" if verdict.anchored else ", no signed checkpoint yet"
    if verdict.whole:
        say(f"✓ {name}: {verdict.rows} entries, unbroken{since}")
        return
    say(f"✗ {name}: {verdict.rows} entries are good{since}")
    for fault in verdict.faults:
        say(f"    {fault}")


def _signer(shop: Workshop) -> Signer:
    return Signer.from_pem(shop.settings.secret("checkpoint_key.pem"))

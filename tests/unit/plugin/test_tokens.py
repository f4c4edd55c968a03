from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orthanc_plugin import tokens
from orthanc_plugin.policy import Policy
from orthanc_plugin.tokens import TokenError, TokenVerifier

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "contract" / "cell_token.json").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GOLDEN["private_key"]))
CLAIMS: dict[str, Any] = GOLDEN["claims"]
KID: str = GOLDEN["kid"]
NOW = CLAIMS["iat"] + 10
POLICY = Policy(revision=1, cell=CLAIMS["aud"], keys={KID: KEY.public_key()})


def mint(headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {key: value for key, value in {**CLAIMS, **changes}.items() if value is not ...}
    return jwt.encode(claims, KEY, algorithm="EdDSA", headers=headers or {"kid": KID})


def verify(token: str, now: float = NOW, policy: Policy = POLICY) -> tokens.Principal:
    return TokenVerifier().verify(token, policy, now)


def test_the_golden_token_is_understood() -> None:
    principal = verify(GOLDEN["token"])
    assert principal.studies == frozenset(CLAIMS["studies"])
    assert (principal.role, principal.session) == (CLAIMS["role"], CLAIMS["sid"])


def test_only_the_service_account_may_come_without_studies() -> None:
    assert verify(mint(role="service", studies=...)).studies is None
    assert verify(mint(role="service", studies=["1.2"])).studies == frozenset({"1.2"})
    for role in sorted(tokens.ROLES - {"service"}):
        with pytest.raises(TokenError, match="studies is missing"):
            verify(mint(role=role, studies=...))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"aud": [CLAIMS["aud"]]},
        {"aud": ...},
        {"sub": ...},
        {"sub": ""},
        {"org": 7},
        {"sid": None},
        {"sid": ...},
        {"jti": ...},
        {"role": "platform"},
        {"role": ["service"]},
        {"iat": str(CLAIMS["iat"])},
        {"iat": float(CLAIMS["iat"])},
        {"exp": True},
        {"exp": ...},
        {"nbf": ...},
        {"exp": CLAIMS["iat"] + 301},
        {"exp": CLAIMS["iat"]},
        {"exp": CLAIMS["iat"] - 5},
        {"studies": "1.2.3"},
        {"studies": [7]},
        {"studies": ["1.2", "*"]},
        {"studies": ["1.2\\1.3"]},
        {"studies": ["1." + "2" * 63]},
        {"studies": ["1.2\n"]},
        {"studies": None},
        {"studies": {"1.2": 1}},
    ],
)
def test_a_claim_that_is_not_exactly_right_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        verify(mint(**changes))


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "other"},
        {"kid": KID, "jku": "http://x/"},
        {"kid": KID, "crit": ["exp"]},
        {"kid": KID, "typ": "at+jwt"},
    ],
)
def test_a_header_that_is_not_exactly_right_is_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        verify(mint(headers=headers))


def test_other_algorithms_and_keys_are_refused() -> None:
    forged = [
        jwt.encode(CLAIMS, None, algorithm="none", headers={"kid": KID}),
        jwt.encode(CLAIMS, "x" * 32, algorithm="HS256", headers={"kid": KID}),
        jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": KID}),
        mint()[:-4],
        mint().rsplit(".", 1)[0] + ".",
        "",
        "a.b.c",
        "a" * (tokens.MAXIMUM_LENGTH + 1),
        "é.\udcff.c",
    ]
    for token in forged:
        with pytest.raises(TokenError):
            verify(token)


def test_time_is_judged_with_a_small_skew() -> None:
    token = mint()
    for now in (CLAIMS["nbf"] - tokens.CLOCK_SKEW, CLAIMS["exp"] + tokens.CLOCK_SKEW - 1):
        assert verify(token, now=max(now, CLAIMS["iat"] - tokens.CLOCK_SKEW))
    for now in (CLAIMS["iat"] - tokens.CLOCK_SKEW - 1, CLAIMS["exp"] + tokens.CLOCK_SKEW):
        with pytest.raises(TokenError):
            verify(token, now=now)


def test_a_remembered_token_is_judged_again() -> None:
    verifier, token = TokenVerifier(), mint()
    assert verifier.verify(token, POLICY, NOW) is verifier.verify(token, POLICY, NOW)
    with pytest.raises(TokenError, match="expired"):
        verifier.verify(token, POLICY, CLAIMS["exp"] + 60)
    with pytest.raises(TokenError, match="revoked"):
        verifier.verify(token, dataclasses.replace(POLICY, revoked_sessions=frozenset({CLAIMS["sid"]})), NOW)
    with pytest.raises(TokenError, match="withdrawn"):
        verifier.verify(token, dataclasses.replace(POLICY, keys={}), NOW)
    assert verifier.verify(token, POLICY, NOW)


def test_the_memory_is_bounded_and_holds_no_bad_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAXIMUM_CACHED", 3)
    verifier = TokenVerifier()
    for number in range(10):
        verifier.verify(mint(jti=f"j{number}"), POLICY, NOW)
    with pytest.raises(TokenError):
        verifier.verify(mint(aud="other"), POLICY, NOW)
    assert len(verifier._cache) == 3

from __future__ import annotations

from orthanc_plugin import tokens
from tests.unit.plugin.gate_cases import CLAIMS, GOLDEN, NOW, POLICY, wrong_tokens


def test_every_case_of_the_tokens() -> None:
    assert list(wrong_tokens(tokens)) == []


def test_the_golden_token_is_understood() -> None:
    principal = tokens.TokenVerifier().verify(GOLDEN["token"], POLICY, NOW)
    assert principal.studies == frozenset(CLAIMS["studies"])
    assert (principal.role, principal.session, principal.subject) == (CLAIMS["role"], CLAIMS["sid"], CLAIMS["sub"])

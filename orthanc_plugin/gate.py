"""The gate over its parts: token, policy in force and table, for the filter and once more for what we answer ourselves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from orthanc_plugin.decide import Decision, Owner, Request, Verdict, bearer, decide
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.tokens import Principal, TokenError, TokenVerifier


@dataclass(slots=True)
class Gate:
    """Judges requests and counts refusals by reason."""

    policy: PolicyFile
    owner: Owner
    now: Callable[[], float] = time.time
    tokens: TokenVerifier = field(default_factory=TokenVerifier)
    denied: Counter[str] = field(default_factory=Counter)

    def judge(self, asked: Request) -> tuple[Principal | None, Decision]:
        """Return the verified caller, if there is one, and the decision."""
        principal, why = None, ""
        token = bearer(asked.headers)
        if token is not None:
            try:
                principal = self.tokens.verify(token, self.policy.current, self.now())
            except TokenError as error:
                why = str(error)
        decision = decide(principal, asked, self.owner)
        if decision.verdict is Verdict.DENY:
            self.denied[why or decision.reason] += 1
        return principal, decision

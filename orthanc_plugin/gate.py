"""The gate over its parts: token, policy in force and table, for the filter and once more for what we answer ourselves.

The filter also puts on record who was let in to what, and who was not (visits).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from orthanc_plugin.decide import Decision, Owner, Request, Verdict, bearer, decide
from orthanc_plugin.policy import PolicyFile
from orthanc_plugin.tokens import Kind, Principal, TokenError, TokenVerifier
from orthanc_plugin.visits import Sort, Visited

Uid = Callable[[str, str], str]
"""(level, Orthanc's id) → StudyInstanceUID, "" when there is no such resource."""
Note = Callable[[Visited], None]
_STUDIES = frozenset({"studies", "series", "instances"})
_TOLD = frozenset({"view", "download"})
"""Kinds of routes (routes) that show what belongs to one study, where the path says which."""


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
            decision = Decision(Verdict.DENY, why or decision.reason)
            self.denied[decision.reason] += 1
        return principal, decision

    def admit(self, asked: Request, uid: Uid, note: Note) -> Decision:
        """Judge a request and put it on record; what cannot be put on record is raised, and so refused."""
        principal, decision = self.judge(asked)
        visited = _visited(principal, decision, uid)
        if visited is not None:
            note(visited)
        return decision


def _visited(principal: Principal | None, decision: Decision, uid: Uid) -> Visited | None:
    """Return what a decision means for the record: None for pages without data, and for what the sidecar asks for itself."""
    receipt = principal.receipt if principal else ""
    if decision.verdict is Verdict.DENY:
        return Visited(receipt, Sort.REFUSED, decision.reason)
    machines = principal is not None and principal.kind is Kind.SERVICE and not receipt
    if machines or decision.reason == "page" or decision.level == "statistics":
        return None
    if decision.reason not in _TOLD or decision.level not in {*_STUDIES, "dicom-web"}:
        return Visited(receipt, Sort.SEARCH)
    study = uid(decision.level, decision.identifier) if decision.level in _STUDIES else decision.identifier
    return Visited(receipt, Sort.STUDY, study) if study else None

"""What the gate must say, as data: run against the real modules, and against every mutant of them (test_mutants)."""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orthanc_plugin.policy import Policy
from orthanc_plugin.tokens import Kind, Principal

STUDY, PRIOR, OTHER = "1.2.840.1", "1.2.840.2", "1.9"
TWIN = "1.2.840.3"
"""A study of the context whose UID another patient bears as well."""
ID = "01234567-01234567-01234567-01234567-01234567"
"""An Orthanc id of the context's study; the others are of both, of a foreign study, of nothing."""
MIXED, FOREIGN, UNKNOWN = ID.replace("0", "a"), ID.replace("0", "b"), ID.replace("0", "c")
JOB = "01234567-0123-0123-0123-0123456789ab"
INSTANCE = f"/dicom-web/studies/{STUDY}/series/1.2.3/instances/1.2.4"
FRAME = f"{INSTANCE}/frames/1"
OWNERS = {ID: frozenset({STUDY}), MIXED: frozenset({STUDY, OTHER}), FOREIGN: frozenset({OTHER})}


def owner(level: str, identifier: str) -> frozenset[str]:
    """Ids are known at their own level only, as in Orthanc; a StudyInstanceUID where studies are named by it."""
    if level == "dicom-web":
        return frozenset({identifier} - {TWIN})
    return OWNERS.get(identifier, frozenset()) if level in {"patients", "studies", "series", "instances"} else frozenset()


def principal(kind: Kind, role: str, *studies: str) -> Principal:
    return Principal(kind, "u", "o", role, "s", "k", 0, 1, frozenset(studies))


CONTEXT = principal(Kind.CONTEXT, "radiologist", STUDY, PRIOR, TWIN)
ONE = principal(Kind.CONTEXT, "radiologist", STUDY)
EMPTY = principal(Kind.CONTEXT, "radiologist")
SERVICE = principal(Kind.SERVICE, "service")
TECHNICIAN, RADIOLOGIST = principal(Kind.STAFF, "technician"), principal(Kind.STAFF, "radiologist")
MANAGER, VIEWER, ADMIN = (principal(Kind.STAFF, role) for role in ("manager", "viewer", "admin"))
EVERYBODY = (CONTEXT, EMPTY, SERVICE, TECHNICIAN, RADIOLOGIST, MANAGER, VIEWER, ADMIN, None)
USERS = (TECHNICIAN, RADIOLOGIST, MANAGER)

Case = tuple[Principal | None, dict[str, Any], str]


def _for(who: tuple[Principal | None, ...], verdict: str, *requests: dict[str, Any]) -> Iterator[Case]:
    for caller in who:
        for request in requests:
            yield caller, {"method": "GET", **request}, verdict


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, **more}


def post(path: str, **more: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, **more}


@functools.cache
def cases() -> tuple[Case, ...]:
    return (*callers(), *contexts(), *tricks())


def callers() -> Iterator[Case]:
    study = get(f"/studies/{FOREIGN}", arguments={"full": "", "_": "1"})
    yield from _for((SERVICE, *USERS), "ALLOW", study, get("/statistics"))
    yield from _for(USERS, "ALLOW", get(FRAME))
    yield from _for((SERVICE,), "DENY", get(FRAME), get(f"/series/{ID}"), {"method": "DELETE", "path": f"/series/{ID}"})
    yield from _for((VIEWER, ADMIN, EMPTY, None), "DENY", study, get(FRAME))
    yield from _for((VIEWER, ADMIN, None), "DENY", get("/app/explorer.html"), get("/patients"), get("/system"))
    yield from _for(USERS, "ALLOW", get("/app/explorer.html"), get("/patients"), post("/tools/find"), get(f"/patients/{ID}"))
    yield from _for((SERVICE,), "DENY", get("/app/explorer.html"), get("/patients"), post("/tools/find"))
    machine = (
        {"method": "DELETE", "path": f"/studies/{ID}"}, post("/modalities/PACS/store"), get(f"/studies/{ID}/archive"),
        get(f"/jobs/{JOB}"), post("/instances"), get("/readingroom/changes", arguments={"since": "0", "limit": "5"}),
        get(f"/dicom-web/studies/{STUDY}/metadata"),
    )  # fmt: skip
    yield from _for((SERVICE,), "ALLOW", *machine)
    yield from _for((CONTEXT, *USERS, VIEWER, ADMIN, None), "DENY", *machine)
    never = (
        get("/changes"), get("/jobs"), post("/tools/shutdown"), get("/"), get(""), post(f"/studies/{ID}/anonymize"),
        {"method": "DELETE", "path": f"/patients/{ID}"}, {"method": "PUT", "path": f"/patients/{ID}/protected"},
        get("/nonsense"), get("/instances"), get("/app/plugin-serve-folders.html"),
        get(f"/patients/{ID}/archive"), post("/dicom-web/studies"), get("/dicom-web/studies"), get("/wado"), get("/webdav/x"),
    )  # fmt: skip
    yield from _for(EVERYBODY, "DENY", *never)


def contexts() -> Iterator[Case]:
    """Orthanc's ids through their owner, UIDs as they stand; patients through their studies; lists are ours to answer."""
    native = ("", "/series", "/metadata")
    mine = [get(f"/studies/{ID}{rest}") for rest in native]
    foreign = [get(f"/{level}/{each}") for level in ("studies", "series", "instances") for each in (MIXED, FOREIGN, UNKNOWN)]
    yield from _for((CONTEXT, ONE), "ALLOW", *mine, get(FRAME), get("/app/explorer.html"), get(f"/instances/{ID}/preview"))
    yield from _for((CONTEXT,), "DENY", *foreign, get(FRAME.replace(STUDY, OTHER)), get(FRAME.replace(STUDY, STUDY + "0")))
    twin = [get(FRAME.replace(STUDY, TWIN)), get(f"/dicom-web/studies/{TWIN}/thumbnail")]
    yield from _for((CONTEXT,), "DENY", *twin)
    yield from _for(USERS, "ALLOW", *twin)
    yield from _for((EMPTY,), "DENY", *mine, *foreign, get(FRAME), get(f"/patients/{ID}"))
    yield from _for((EMPTY,), "ALLOW", get("/app/explorer.html"))
    lists = (get("/patients"), get("/studies"), get("/series"), get("/statistics"), get("/system"), get("/plugins/explorer.js"))
    tools = tuple(post(f"/tools/{each}") for each in ("find", "lookup", "count-resources"))
    yield from _for((CONTEXT, EMPTY), "ANSWER", *lists, *tools)
    yield from _for((CONTEXT,), "ANSWER", *(get(f"/patients/{each}{rest}") for each in (ID, MIXED) for rest in ("", "/studies")))
    yield from _for(
        (CONTEXT,), "DENY", *(get(f"/patients/{each}{rest}") for each in (FOREIGN, UNKNOWN) for rest in ("", "/series"))
    )
    closed = ("/patient", "/labels", "/attachments", "/archive")
    yield from _for((CONTEXT,), "DENY", *(get(f"/studies/{ID}{rest}") for rest in closed), get("/tools/labels"))


ODD = (
    FRAME + "/", FRAME + "\n", FRAME + "%", FRAME + "?x=1", FRAME + ";x", FRAME + "#", FRAME.lstrip("/"), FRAME.upper(),
    FRAME.replace("/frames", "//frames"), FRAME.replace("/frames", "/./frames"), FRAME.replace("/series", "/../series"),
    FRAME.replace(STUDY, STUDY + ".."), FRAME.replace(STUDY, STUDY + "\\" + OTHER), FRAME.replace(STUDY, f"{STUDY},{OTHER}"),
    FRAME.replace(STUDY, STUDY + "%2c1.9"), FRAME.replace(STUDY, "*"), FRAME.replace(STUDY, "1." + "2" * 64),
    FRAME.replace(STUDY, "٣.٤"), FRAME.replace("/frames/1", "/frames/0"), FRAME.replace("/frames/1", "/frames/-1"),
    FRAME.replace("/frames/1", "/frames/1,"), FRAME.replace("/frames/1", "/frames/" + ",".join(["1"] * 101)),
    FRAME.replace("/frames/1", "/frames/1/rendered/x"), FRAME.replace("/frames/1", "/bulk/../../x"),
    "/app//x", "/app/../x", "/app/./x", "/app/..", "/app/x\\y", "/app/x;y", "/app/x?y", "/app/x#y", "/app/x%y", "/app/é",
    "/app/x\ty", f"/studies/{ID}x", f"/studies/{MIXED.upper()}", f"/studies/{STUDY}", f"/studies/{ID},{FOREIGN}",
)  # fmt: skip


DRAWN = FRAME.replace("/frames/1", "/rendered")
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
FORMS = ("multipart/form-data; boundary=x", "Multipart/Form-Data", " multipart/form-data")


def tricks() -> Iterator[Case]:
    everybody_known = (CONTEXT, SERVICE, *USERS)
    yield from _for(everybody_known, "DENY", *map(get, ODD))
    yield from _for(everybody_known, "DENY", *({"method": each, "path": FRAME} for each in ("POST", "PUT", "HEAD", "", "get")))
    yield from _for(
        everybody_known, "DENY",
        *(get(FRAME, headers={name: "DELETE"}) for name in OVERRIDES),
        *(get(FRAME, headers={"content-type": each}) for each in FORMS),
        *(get(FRAME, arguments={name: "x"}) for name in ("_method", "x", "StudyInstanceUID")),
    )  # fmt: skip
    yield from _for((CONTEXT, *USERS), "ALLOW", get(FRAME, headers={"content-type": "text/plain", "accept": "*/*"}))
    yield from _for((CONTEXT, *USERS), "ALLOW", get(DRAWN, arguments={"viewport": "256,256"}))
    yield from _for(everybody_known, "DENY", get(DRAWN, arguments={"viewport": "256,256", "annotation": "patient"}))
    for size in ("4096,4096", "4096%2C1", "1%2c4096,0,0,9999,9999", "1,1,0,0,-512,512"):
        yield from _for((CONTEXT, *USERS), "ALLOW", get(DRAWN, arguments={"viewport": size}))
    sized = f"/instances/{ID}/rendered"
    yield from _for((CONTEXT, SERVICE, *USERS), "ALLOW", get(sized, arguments={"width": "4096", "height": "1"}))


TOO_LARGE = (
    *({"viewport": each} for each in ("4097,1", "1,4097", "1%2C4097", "1%2c4097", "0,1", "1,0", "9" * 9, "1.5,1", "x", "")),
    *({"width": width, "height": height} for width, height in (("4097", "1"), ("1", "4097"), ("", "1"), ("1", "٣"))),
    {"width": "1"}, {"height": "1"},
)  # fmt: skip


NAMED = (
    *((get(path), "encoded or unusual path") for path in (f"{FRAME}é", FRAME + "\t", *(f"{FRAME}{sign}x" for sign in "%\\;?#"))),
    *((get(path), "path not normal") for path in ("app/x", "/app//x", "/app/./x", "/app/../x")),
    *((get(FRAME, headers={name: "x"}), "method override") for name in OVERRIDES),
    (get(FRAME, arguments={"_method": "x"}), "method override"),
    *((get(FRAME, headers={"content-type": each}), "multipart form") for each in FORMS),
    (get("/nonsense"), "route not known"),
    (get(FRAME, arguments={"x": ""}), "unknown argument"),
    *(
        (get(DRAWN if "viewport" in each else f"/instances/{ID}/rendered", arguments=each), "picture too large")
        for each in TOO_LARGE
    ),
)
"""Tricks that a pattern would refuse as well are refused by name, before: two walls."""


def wrong_decisions(module: Any) -> Iterator[str]:
    """Name the cases in which a decide module (or a mutant of it) says something else."""
    for number, (who, request, verdict) in enumerate(cases()):
        decision = module.decide(who, module.Request(**request), owner)
        if decision.verdict.name != verdict:
            yield f"{number}: {who.kind if who else None} {who.role if who else ''} {request} → {decision}, not {verdict}"
    for request, reason in NAMED:
        if module.decide(SERVICE, module.Request(**{"method": "GET", **request}), owner) != module.Decision(
            module.Verdict.DENY, reason
        ):
            yield f"{request} is not refused as {reason}"
    for path, named in ((FRAME, ("dicom-web", STUDY)), (f"/series/{ID}", ("series", ID)), ("/app/x", ("app", ""))):
        let_in = module.decide(CONTEXT, module.Request("GET", path), owner)
        if (let_in.level, let_in.identifier) != named:
            yield f"{path} is not put on record as {named}"
    if module.decide(None, module.Request("GET", FRAME), owner).reason != "no caller":
        yield "nobody"
    for value, token in (("Bearer a.b.c", "a.b.c"), ("Basic a", None), ("", None)):
        if module.bearer({"authorization": value} if value else {}) != token:
            yield f"bearer: {value}"


GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "contract" / "cell_token.json").read_text())
KEY = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GOLDEN["private_key"]))
CLAIMS: dict[str, Any] = GOLDEN["claims"]
KID: str = GOLDEN["kid"]
NOW = CLAIMS["iat"] + 10
POLICY = Policy(revision=1, cell=CLAIMS["aud"], organisation="own", keys={KID: KEY.public_key()})


def mint(headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {key: value for key, value in {**CLAIMS, **changes}.items() if value is not ...}
    return jwt.encode(claims, KEY, algorithm="EdDSA", headers=headers or {"kid": KID})


BAD_CLAIMS: tuple[dict[str, Any], ...] = (
    {"iss": "other"}, {"aud": "other"}, {"aud": [CLAIMS["aud"]]}, {"aud": ...}, {"sub": ...}, {"sub": ""}, {"org": 7},
    {"sid": None}, {"sid": ...}, {"jti": ...}, {"role": "platform"}, {"role": ["service"]}, {"iat": str(CLAIMS["iat"])},
    {"iat": float(CLAIMS["iat"])}, {"exp": True}, {"exp": ...}, {"nbf": ...}, {"exp": CLAIMS["iat"] + 301},
    {"exp": CLAIMS["iat"]}, {"exp": CLAIMS["iat"] - 5}, {"studies": "1.2.3"}, {"studies": [7]}, {"studies": ["1.2", "*"]},
    {"studies": ["1.2\\1.3"]}, {"studies": ["1." + "2" * 63]}, {"studies": ["1.2\n"]}, {"studies": None}, {"studies": {"1.2": 1}},
    {"role": "service"}, {"role": "service", "studies": []}, {"studies": ...}, {"studies": ..., "org": "other"},
    *({"studies": ..., "org": "other", "role": role} for role in ("admin", "manager", "technician", "viewer")),
)  # fmt: skip
BAD_HEADERS: tuple[dict[str, Any], ...] = (
    {"kid": "other"}, {"kid": KID, "jku": "http://x/"}, {"kid": KID, "crit": ["exp"]}, {"kid": KID, "typ": "at+jwt"},
)  # fmt: skip
FORGED = (
    jwt.encode(CLAIMS, None, algorithm="none", headers={"kid": KID}),
    jwt.encode(CLAIMS, "x" * 32, algorithm="HS256", headers={"kid": KID}),
    jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": KID}),
    mint()[:-4], mint().rsplit(".", 1)[0] + ".", "", "a.b.c", "é.\udcff.c",
)  # fmt: skip


@functools.cache
def good_tokens() -> tuple[tuple[str, Kind, frozenset[str]], ...]:
    return tuple(_good_tokens())


@functools.cache
def bad_tokens() -> tuple[str, ...]:
    return (*(mint(**each) for each in BAD_CLAIMS), *(mint(headers=each) for each in BAD_HEADERS), *FORGED)


def _good_tokens() -> Iterator[tuple[str, Kind, frozenset[str]]]:
    yield GOLDEN["token"], Kind.CONTEXT, frozenset(CLAIMS["studies"])
    yield mint(exp=CLAIMS["iat"] + 300, studies=[]), Kind.CONTEXT, frozenset()
    yield mint(studies=["1." + "2" * 62]), Kind.CONTEXT, frozenset({"1." + "2" * 62})
    yield mint(role="service", studies=...), Kind.SERVICE, frozenset()
    for role in ("admin", "manager", "radiologist", "technician", "viewer"):
        yield mint(role=role, studies=..., org="own"), Kind.STAFF, frozenset()


def wrong_tokens(module: Any) -> Iterator[str]:
    """Name the tokens which a tokens module (or a mutant of it) takes for something else."""
    for number, (token, kind, studies) in enumerate(good_tokens()):
        try:
            caller = module.TokenVerifier().verify(token, POLICY, NOW)
        except module.TokenError as error:
            yield f"good token {number}: {error}"
        else:
            if (caller.kind, caller.studies) != (kind, studies):
                yield f"good token {number}: {caller}"
    bad = (*bad_tokens(), "a" * (module.MAXIMUM_LENGTH + 1))
    if module.TokenVerifier().verify(mint(rcp="x"), POLICY, NOW).receipt != "x":
        yield "the receipt is lost"
    yield from (f"bad token {number}" for number, token in enumerate(bad) if _accepted(module, token))
    yield from _wrong_times(module)


def _accepted(module: Any, token: str, *, now: float = NOW, policy: Policy = POLICY, verifier: Any = None) -> bool:
    try:
        (verifier or module.TokenVerifier()).verify(token, policy, now)
    except module.TokenError:
        return False
    return True


def _wrong_times(module: Any) -> Iterator[str]:
    """Expiry, not before, revocation and withdrawn keys, at the first use and with a token that is remembered."""
    token = mint()
    begins, ends = CLAIMS["iat"] - module.CLOCK_SKEW, CLAIMS["exp"] + module.CLOCK_SKEW
    revoked = dataclasses.replace(POLICY, revoked_sessions=frozenset({CLAIMS["sid"]}))
    for now, policy, expected in (
        (begins, POLICY, True), (ends - 1, POLICY, True), (begins - 1, POLICY, False), (ends, POLICY, False),
        (NOW, revoked, False), (NOW, dataclasses.replace(POLICY, keys={}), False),
    ):  # fmt: skip
        remembered = module.TokenVerifier()
        for verifier in (None, remembered):
            if verifier is not None:
                verifier.verify(token, POLICY, NOW)
            if _accepted(module, token, now=now, policy=policy, verifier=verifier) is not expected:
                yield f"time {now - NOW} policy {policy.revoked_sessions} {len(policy.keys)}"
    verifier = module.TokenVerifier()
    if verifier.verify(token, POLICY, NOW) is not verifier.verify(token, POLICY, NOW):
        yield "a good token is not remembered"
    if _accepted(module, mint(exp=CLAIMS["iat"]), now=CLAIMS["iat"]):
        yield "a token without a life"
    far = 4102444800  # the clock that counts is the one given, not this machine's
    if not _accepted(module, mint(iat=far, nbf=far, exp=far + 120), now=far):
        yield "another clock"
    yield from _wrong_lengths(module)
    late = mint(nbf=NOW + module.CLOCK_SKEW + 1)
    if _accepted(module, late):
        yield "not before"
    if not _bounded(module):
        yield "the memory of tokens is not bounded"


def _wrong_lengths(module: Any) -> Iterator[str]:
    usual, token = module.MAXIMUM_LENGTH, mint()
    for longest, expected in ((len(token), True), (len(token) - 1, False)):
        module.MAXIMUM_LENGTH = longest
        if _accepted(module, token) is not expected:
            yield "length"
    module.MAXIMUM_LENGTH = usual
    for token, why in ((FORGED[1], "header is not alg, kid, typ of an EdDSA JWT"), ("é", "too long, or not ASCII")):
        try:
            module.TokenVerifier().verify(token, POLICY, NOW)
        except module.TokenError as error:
            if str(error) != why:
                yield f"another refusal: {error}"


def _bounded(module: Any) -> bool:
    usual, module.MAXIMUM_CACHED = module.MAXIMUM_CACHED, 3
    try:
        verifier, first = module.TokenVerifier(), mint(jti="0")
        kept = verifier.verify(first, POLICY, NOW)
        for number in range(1, 5):
            verifier.verify(mint(jti=str(number)), POLICY, NOW)
            if number < 3 and verifier.verify(first, POLICY, NOW) is not kept:  # used last: stays
                return False
        return len(verifier._cache) == 3
    finally:
        module.MAXIMUM_CACHED = usual


SERVED = "/{served-folder}/*"  # matches nearly everything that no other row does, and is open to nobody
MATCHES = (
    ("GET", "/studies/" + ID, "/studies/{id}", {"id": ID}),
    ("DELETE", "/studies/" + ID, "/studies/{id}", {"id": ID}),
    ("GET", "/studies/xyz", SERVED, {"served-folder": "studies", "*": "xyz"}),
    ("GET", "/plugins/explorer.js", "/plugins/explorer.js", {}),
    ("GET", "/app/libs/x-1.min.js", "/app/*", {"*": "libs/x-1.min.js"}),
    ("POST", "/app/explorer.html", None, {}),
    ("GET", "/app", None, {}),
    ("GET", "/app/plugin-serve-folders.html", "/app/plugin-serve-folders.html", {}),
    ("GET", "/plugins/other.js", "/plugins/{name}", {"name": "other.js"}),
    ("GET", "/somewhere/else/x", SERVED, {"served-folder": "somewhere", "*": "else/x"}),
    ("GET", "/somewhere", None, {}),
    ("GET", f"/instances/{ID}/frames", "/instances/{id}/frames", {"id": ID}),
    ("GET", f"/instances/{ID}/frames/0/preview", "/instances/{id}/frames/{index}/preview", {"id": ID, "index": "0"}),
    ("GET", f"/instances/{ID}/nonsense", SERVED, {"served-folder": "instances", "*": f"{ID}/nonsense"}),
    ("POST", f"/instances/{ID}/nonsense", None, {}),
    ("HEAD", "/webdav/x", "/webdav/*", {"*": "x"}),
    ("GET", "/webdav/", None, {}),
    ("GET", f"{INSTANCE}/bulk/0009AB01/2/7fe00010", "/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulk/{bulk}",
     {"study": STUDY, "series": "1.2.3", "instance": "1.2.4", "bulk": "0009AB01/2/7fe00010"}),
    ("DELETE", f"{INSTANCE}/bulk/0009AB01", None, {}),
    ("GET", f"{INSTANCE}/bulk/xyz", SERVED, {"served-folder": "dicom-web", "*": f"{INSTANCE[11:]}/bulk/xyz"}),
)  # fmt: skip


def wrong_matches(module: Any) -> Iterator[str]:
    """Name the paths for which a paths module (or a mutant of it) finds another route."""
    for method, path, pattern, values in MATCHES:
        found = module.match(method, path)
        if (found is None) != (pattern is None) or (found and (found[0].path, found[1]) != (pattern, values)):
            yield f"{method} {path}: {found}"

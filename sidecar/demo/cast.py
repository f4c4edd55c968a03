"""The demo's people and the book of their passwords and authenticators: random at first load, mode 0600, never in the code."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pyotp
from rich.console import Console

from sidecar.accounts import addresses, service
from sidecar.accounts.passwords import KEEPER
from sidecar.accounts.tables import User
from sidecar.adapters.seals import Seal
from sidecar.gate.actor import Role, system_actor
from sidecar.gate.scope import Scopes
from sidecar.kernel.settings import Settings
from sidecar.vault import service as vault

BOOK = "demo.json"
PEOPLE = (
    ("nora", "Dr. Nora Quinn", "nightowls", Role.RADIOLOGIST, "Night Owls Radiology"),
    ("sam", "Dr. Sam Okonkwo", "nightowls", Role.RADIOLOGIST, "Night Owls Radiology"),
    ("lena", "Lena Fischer", "nightowls", Role.MANAGER, "Night Owls Radiology"),
    ("tess", "Tess Moreau", "mercy", Role.TECHNICIAN, "Mercy General Hospital"),
    ("max", "Max Brandt", "mercy", Role.MANAGER, "Mercy General Hospital"),
    ("vic", "Dr. Vic Adeyemi", "mercy", Role.VIEWER, "Mercy General Hospital"),
    ("ada", "Ada Lindholm", "mercy", Role.ADMIN, "Mercy General Hospital"),
    ("luca", "Luca Romano", "st_luke", Role.TECHNICIAN, "St Luke Imaging Centre"),
    ("stan", "Dr. Stan Petrov", "strangers", Role.RADIOLOGIST, "Harbour Radiologists (a stranger)"),
    ("pat", "Pat Nilsen", "platform", Role.ADMIN, "Platform"),
)


@dataclass(slots=True)
class Login:
    """One demo user's way in."""

    name: str
    email: str
    role: str
    house: str
    where: str
    totp_secret: str


@dataclass(slots=True)
class Book:
    """All of them, and whether the images were sent."""

    password: str
    logins: list[Login] = field(default_factory=list)
    loaded: bool = False


def _path(settings: Settings) -> Path:
    return settings.secrets_dir / BOOK


def open_book(settings: Settings) -> Book:
    """Read the book, or begin a new one with fresh secrets and write it before anything else knows them."""
    path = _path(settings)
    if path.exists():
        raw = json.loads(path.read_text())
        return Book(raw["password"], [Login(**each) for each in raw["logins"]], raw["loaded"])
    logins = [
        Login(name, f"{key}@{house.replace('_', '')}.example", role.value, house, where, pyotp.random_base32())
        for key, name, house, role, where in PEOPLE
    ]
    book = Book("-".join(secrets.token_hex(3) for _ in range(3)), logins)
    _write(path, book)
    return book


def close_book(settings: Settings, book: Book) -> None:
    """Note that everything is loaded."""
    book.loaded = True
    _write(_path(settings), book)


def _write(path: Path, book: Book) -> None:
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(book), file)
    fresh.replace(path)


def write_people(scopes: Scopes, book: Book, houses: Mapping[str, UUID], seal: Seal) -> None:
    """Create the accounts that do not exist yet, already enrolled: the demo's authenticators are in the book.

    The passwords are kept as everybody's are, with the pepper that the caller gave this process (``KEEPER.use``).
    """
    for login in book.logins:
        organisation = houses[login.house]
        with scopes.open(system_actor(organisation)) as scope:
            if service.at_address(scope, organisation, login.email):
                continue
            user_id, kept = uuid4(), KEEPER.keep(book.password)
            sealed = vault.close(scope, seal, organisation, login.totp_secret.encode(), place=f"users|{user_id}|totp")
            user = User(
                organisation_id=organisation,
                id=user_id,
                name=login.name,
                role=login.role,
                zone="",
                password_hash=kept.hash,
                password_pepper=kept.pepper,
                totp_sealed=sealed,
                totp_last_step=0,
                identity_verified_at=scope.now,
                created_at=scope.now,
            )
            addresses.keep(scope, seal, user, login.email)
            scope.session.add(user)


def current_code(env: Mapping[str, str], user: str) -> str:
    """Return the present code of a demo user, named by e-mail address or the part before the @; KeyError otherwise."""
    book = open_book(Settings.from_env(env))
    for login in book.logins:
        if user in {login.email, login.email.partition("@")[0]}:
            return pyotp.TOTP(login.totp_secret).now()
    raise KeyError(user)


def print_logins(book: Book, console: Console) -> None:
    """Print one login per role; the authenticator links only on request, since they do not fit a line."""
    console.print(f"Demo logins; the password of all: {book.password}", highlight=False)
    for login in book.logins:
        code = f"./readingroom code {login.email.partition('@')[0]}"
        console.print(f"  {login.role:<12} {login.email:<24} {code:<24} {login.where}", soft_wrap=True, highlight=False)
    console.print("Authenticator links (one-time codes on a phone):")
    for login in book.logins:
        uri = pyotp.TOTP(login.totp_secret).provisioning_uri(name=login.email, issuer_name="Reading Room demo")
        console.print(f"  {uri}", soft_wrap=True, highlight=False)

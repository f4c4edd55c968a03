"""supervisord.conf as supervisord will read it."""

import configparser
import shlex
from pathlib import Path

import pytest

from sidecar.instance import credentials, postgres, programs
from sidecar.instance.layout import Layout
from sidecar.instance.ports import choose_ports


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> configparser.RawConfigParser:
    monkeypatch.setattr(postgres, "programs", lambda _: Path("/usr/lib/postgresql/17/bin"))
    for module, name in (("nginx", "need"), ("redis", "need"), ("fence", "need"), ("postgres", "need")):
        monkeypatch.setattr(f"sidecar.instance.{module}.{name}", lambda *names: f"/usr/bin/{names[0]}")
    layout = Layout(tmp_path, choose_ports(tmp_path, public=None, default=True, free=lambda _: True))
    layout.secrets.mkdir()
    credentials.make_missing(layout)
    parser = configparser.RawConfigParser()
    parser.read_string(programs.render(layout))
    return parser


def test_every_part_is_there_and_only_the_services_start_by_themselves(conf: configparser.RawConfigParser) -> None:
    names = {section.removeprefix("program:") for section in conf.sections() if section.startswith("program:")}
    assert names == {*programs.SERVICES, *programs.APPLICATION}
    starting = {name for name in names if conf.getboolean(f"program:{name}", "autostart")}
    assert starting == set(programs.SERVICES)


def test_every_part_dies_with_its_parent_and_comes_back(conf: configparser.RawConfigParser) -> None:
    for section in (each for each in conf.sections() if each.startswith("program:")):
        words = shlex.split(conf[section]["command"])
        assert {"--die-with-parent", "--unshare-pid", "--cap-drop"} <= set(words)
        assert conf.getboolean(section, "autorestart")


@pytest.mark.parametrize(
    ("program", "seen", "written"), [("nginx", ["conf/nginx.conf"], "run/nginx"), ("carrier", ["exports"], "run/spool")]
)
def test_who_serves_the_public_sees_no_secret_and_no_image(
    conf: configparser.RawConfigParser, tmp_path: Path, program: str, seen: list[str], written: str
) -> None:
    words = shlex.split(conf[f"program:{program}"]["command"])
    mounted = [words[i + 1] for i, word in enumerate(words) if word in {"--bind", "--ro-bind", "--ro-bind-try", "--dev-bind"}]
    inside = [path for path in mounted if path.startswith(str(tmp_path))]
    assert inside == [str(tmp_path / each) for each in (*seen, written)]
    assert all(words[words.index(str(tmp_path / each)) - 1].startswith("--ro-bind") for each in seen)
    assert "/" not in mounted


def test_the_owners_password_reaches_no_program(conf: configparser.RawConfigParser, tmp_path: Path) -> None:
    secret = (tmp_path / "secrets/postgres_owner").read_text()
    assert all(secret not in value for section in conf.sections() for _, value in conf.items(section))
    assert "readingroom_app" in conf["program:web"]["environment"]


def test_supervisord_listens_for_this_user_only(conf: configparser.RawConfigParser) -> None:
    assert conf["unix_http_server"]["chmod"] == "0700"
    assert "inet_http_server" not in conf

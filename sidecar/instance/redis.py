"""A private Redis: sessions, pub/sub and short-lived locks; nothing in it is the only copy of clinical data."""

from sidecar.instance import credentials
from sidecar.instance.layout import Layout, write_private
from sidecar.instance.tools import need

CONFIGURATION = """\
# Written by ./readingroom up
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir {directory}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def configure(layout: Layout) -> None:
    """Write redis.conf (0600: it holds the password)."""
    text = CONFIGURATION.format(
        port=layout.ports.redis, password=credentials.read(layout, "redis"), directory=layout.data / "redis"
    )
    write_private(layout.conf / "redis.conf", text)


def command(layout: Layout) -> list[str]:
    """Return the command that runs the server in the foreground."""
    return [need("redis-server", "valkey-server"), str(layout.conf / "redis.conf")]


def url(layout: Layout) -> str:
    """Return the URL with the password."""
    return f"redis://:{credentials.read(layout, 'redis')}@127.0.0.1:{layout.ports.redis}/0"

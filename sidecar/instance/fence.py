"""One wall around each program: when it, its parent or supervisord is killed, no child of it stays behind."""

from sidecar.instance.tools import need


def fenced(command: list[str]) -> list[str]:
    """Return ``command`` in its own process namespace, bound to its parent's life.

    A killed nginx master or Postgres postmaster leaves children holding ports and files; in a namespace of their own
    the kernel ends them together. bwrap ignores INT and TERM, so that the program inside may end in peace first
    (programs that want these signals set their own handlers).
    """
    return [
        need("env"), "--ignore-signal=INT,TERM",
        need("bwrap"), "--die-with-parent", "--unshare-pid", "--dev-bind", "/", "/", "--",
        *command,
    ]  # fmt: skip

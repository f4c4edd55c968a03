"""``./readingroom``: the verbs a person and the CI use. Thin: what a verb does lives in the package it calls."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click
from rich.console import Console

from sidecar.instance import Instance, StepError
from sidecar.instance.layout import Front, default_data_dir

if TYPE_CHECKING:
    from sidecar.gate.machine import Workshop
    from sidecar.vault.erasing import Remainder

console = Console(stderr=True)
existing_file = click.Path(exists=True, dir_okay=False, resolve_path=True)
data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=default_data_dir, show_default="per user",
    help="The instance's data directory.",
)  # fmt: skip


class Verbs(click.Group):
    """The verbs, in the order in which a newcomer needs them; a failed step is a message, not a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their definition."""
        del ctx
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is answered with the list of those that exist."""
        if args and args[0] not in self.commands:
            raise click.UsageError(f"there is no verb {args[0]!r}.\n\n{ctx.get_help()}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; turn StepError into exit code 1."""
        try:
            return super().invoke(ctx)
        except StepError as failure:
            console.print("✗", failure, style="red", markup=False, highlight=False, soft_wrap=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            console.print("\nInterrupted. Run the same command again: it goes on where it stopped.", highlight=False)
            ctx.exit(130)


def origin(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is not scheme, host and perhaps a port: links and cookies are made from it."""
    if value and not re.fullmatch(r"https?://[\w.-]+(:\d+)?/?", value):
        raise click.BadParameter("write it as https://reading.example.org")
    return value


def network(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse what is neither an address nor a network."""
    try:
        return str(ip_network(value)) if value else value
    except ValueError:
        raise click.BadParameter("write it as 10.1.2.3 or 10.1.2.0/24") from None


def there(data: Path) -> Instance:
    """Return the existing instance; say what to do when there is none."""
    if not (data / "instance.json").exists():
        raise click.ClickException(f"there is no instance in {data}. Start one with ./readingroom up, or name it with --data")
    return Instance(data, console=console)


def finished(data: Path) -> Instance:
    """Return an instance that was brought up at least once; one whose first ``up`` broke off has no secrets yet."""
    instance = there(data)
    if not (instance.layout.secrets / "postgres_app").exists():
        raise click.ClickException(
            f"the instance in {data} is not finished. Run ./readingroom up again: it goes on where it stopped"
        )
    return instance


def running(data: Path) -> Instance:
    """Return a finished instance whose database answers; say how to start one that is down."""
    instance = finished(data)
    if not instance.parts():
        raise click.ClickException(f"the instance in {data} is down. Start it first with ./readingroom up")
    return instance


def load_demo(instance: Instance) -> None:
    """Load the demo; what went wrong is told in one line, and the next call goes on from there."""
    from sidecar.demo.load import DemoError, load
    from sidecar.demo.send import SendError

    try:
        load(instance.env(), console)
    except (DemoError, SendError) as problem:
        raise click.ClickException(f"the demo is not loaded yet: {problem}. Run the same command again to go on.") from problem


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Reading Room: teleradiology around Orthanc. Start with `./readingroom up --demo`."""


@cli.command()
@data_option
@click.option("--demo", is_flag=True, help="Load two hospitals, a reading group and phantom studies.")
@click.option("--port", type=click.IntRange(1, 65535), help="Public HTTP port, remembered. Default: 8042 or the next free.")
@click.option("--bind", help="Address to listen on, remembered. Default: 127.0.0.1.")
@click.option("--url", callback=origin, help="Address in people's browsers, e.g. of a TLS proxy in front, remembered.")
@click.option("--tls/--no-tls", default=None, help="Speak TLS, with a certificate of our own unless one is given; remembered.")
@click.option("--certificate", type=existing_file, help="Certificate chain in PEM for --tls, remembered.")
@click.option("--key", type=existing_file, help="Its private key in PEM, remembered.")
@click.option("--proxy", callback=network, help="Address or network of the TLS proxy in front, remembered. Default: 127.0.0.1.")
def up(data: Path, demo: bool, port: int | None, **front: Unpack[Front]) -> None:  # noqa: FBT001 - click passes by name
    """Install what is missing, start everything, print the address."""
    if bool(front.get("certificate")) != bool(front.get("key")):
        raise click.UsageError("--certificate and --key belong together")
    if front.get("certificate"):
        front["tls"] = True
    instance = Instance(data, port=port, console=console, **front)
    instance.up()
    if demo:
        load_demo(instance)
    if data != default_data_dir():
        console.print(f"Other commands look in {default_data_dir()}. For this instance: export RR_DATA={data}", soft_wrap=True)
    console.print(f"Reading Room is up: [bold]{instance.url}[/bold]  (data: {data})", soft_wrap=True)


@cli.command()
@data_option
def down(data: Path) -> None:
    """Stop everything. Data stays."""
    there(data).down()
    console.print("Stopped.")


@cli.command()
@data_option
def status(data: Path) -> None:
    """Show what runs, on which ports, and the disk."""
    from sidecar.instance.report import print_status

    up_and_well = print_status(there(data), Console())
    raise SystemExit(0 if up_and_well else 1)


@cli.command()
@data_option
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Keep printing what comes.")
def logs(data: Path, name: str | None, follow: bool) -> None:  # noqa: FBT001
    """Print the ends of the logs.

    NAME is one of web worker nginx postgres redis supervisord, or a cell as `status` shows it; default: all.
    """
    from sidecar.instance.report import log_files

    files = log_files(there(data), name)
    if not files:
        raise click.ClickException(f"no log called {name!r} in {data}")
    subprocess.run(["tail", "-n", "50", *(["-F"] if follow else []), *map(str, files)], check=False)


@cli.command()
@data_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(data: Path, yes: bool) -> None:  # noqa: FBT001
    """Stop and delete everything, for ever.

    The data directory with images, reports and secrets goes. What other instances share (Orthanc, OHIF) stays in the cache.
    """
    instance = there(data)
    if not yes:
        click.confirm(f"Delete {data} with every image, report and secret in it?", abort=True)
    instance.down()
    shutil.rmtree(data)
    console.print(f"Deleted {data}.")


@cli.command()
@data_option
def migrate(data: Path) -> None:
    """Start the database and bring its tables up to date."""
    Instance(data, console=console).up(until="migrated")
    console.print("The database is at the newest migration.")


@cli.command()
@data_option
@click.argument("user")
def code(data: Path, user: str) -> None:
    """Print the present one-time code of a demo user.

    USER is nora, sam, … as `up --demo` lists them. A code works once; the next one comes within 30 seconds.
    """
    from sidecar.demo.cast import current_code

    try:
        click.echo(current_code(finished(data).env(), user))
    except KeyError:
        raise click.ClickException(f"there is no demo user called {user!r}; ./readingroom up --demo lists them") from None


@cli.command()
@data_option
@click.argument("email")
@click.argument("name")
def admin(data: Path, email: str, name: str) -> None:
    """Invite a platform administrator by a link.

    The first account of a real installation; the link works once, within seven days.
    """
    from sidecar.accounts.bootstrap import invite_first_admin

    with _workshop(data) as shop:
        token = invite_first_admin(shop.scopes, shop.seal, email=email, name=name)
    console.print("Open this link once, within seven days, to set password and authenticator:")
    click.echo(f"{there(data).url}/invitation/{token}")


@cli.group()
def audit() -> None:
    """Verify the audit journal, or write it to a file that can be verified elsewhere."""


@audit.command("verify")
@data_option
@click.option("--organisation", default="", help="Only this one, by id or name.")
@click.option("--key", default="", help="For EXPORT: the fingerprint of the key that must have signed it.")
@click.argument("export", type=existing_file, required=False)
def audit_verify(data: Path, organisation: str, key: str, export: str | None) -> None:
    """Find any edit, deletion, reordering or cut-off end.

    In the database of the running instance, with the checkpoints kept outside it; or, without any instance, in the file EXPORT.
    Ends with 1 when something was found.
    """
    from sidecar.audit.report import tell_export, tell_instance

    if export:
        raise SystemExit(0 if tell_export(Path(export), key, click.echo) else 1)
    with _workshop(data) as shop:
        raise SystemExit(0 if tell_instance(shop, organisation, click.echo) else 1)


@audit.command("export")
@data_option
@click.option("--organisation", required=True, help="Whose journal, by id or name.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def audit_export(data: Path, organisation: str, file: Path) -> None:
    """Write a whole journal with its checkpoints and the public key to FILE, compressed if it ends in .gz."""
    from sidecar.audit.report import write_export

    with _workshop(data) as shop:
        write_export(shop, organisation, file, click.echo)


@contextmanager
def _workshop(data: Path) -> Iterator["Workshop"]:
    """Connect to what a running instance is made of; a Problem is a message."""
    from sidecar.kernel.errors import Problem
    from sidecar.kernel.settings import Settings
    from sidecar.worker import open_workshop

    instance = running(data)
    try:
        with closing(open_workshop(Settings.from_env(instance.env()))) as shop:
            yield shop
    except Problem as problem:
        raise click.ClickException(problem.message) from problem


@cli.group()
def keys() -> None:
    """List, rotate or destroy the keys of organisations, and hand out those of their backups."""


@keys.command("list")
@data_option
def keys_list(data: Path) -> None:
    """Print which keys there are and were; never their bytes."""
    from sidecar.instance import keeping

    for line in keeping.list_keys(running(data)):
        end = f"destroyed {line.destroyed}" if line.destroyed else "in use"
        click.echo(f"{line.organisation:40} {line.purpose:7} {line.generation:4}  made {line.created}  {end}")


@keys.command("rotate")
@data_option
@click.option("--organisation", multiple=True, help="Only this one, by name or id; may be repeated. Default: all.")
@click.option("--master", is_flag=True, help="Replace the master key that wraps the others; web and worker pause for it.")
def keys_rotate(data: Path, organisation: tuple[str, ...], master: bool) -> None:  # noqa: FBT001
    """Close everything sealed anew under new keys and destroy the old ones. Broken off, the same command goes on."""
    from sidecar.instance import keeping

    instance = running(data)
    with _told():
        if master:
            console.print(f"The master key is new; {keeping.rotate_master(instance)} data keys are wrapped with it.")
            return
        named = [keeping.organisation(instance, each) for each in organisation]
        console.print(f"{keeping.rotate(instance, named)} values are closed under new keys; the old keys are destroyed.")


@keys.command("lookup")
@data_option
def keys_lookup(data: Path) -> None:
    """Replace the key that finds e-mail addresses at sign-in: after it was lost, or seen. Web and worker pause for it."""
    from sidecar.instance import keeping

    instance = running(data)
    with _told():
        console.print(f"{keeping.renew_lookup(instance)} e-mail addresses are found by a new key.")


@keys.command("shred")
@data_option
@click.argument("organisation")
@click.option("--yes", is_flag=True, help="Do not ask.")
def keys_shred(data: Path, organisation: str, yes: bool) -> None:  # noqa: FBT001
    """Destroy an organisation's keys and delete its patients' records, for ever.

    What its keys closed is noise from then on, wherever a copy lies: credentials, documents, backups. What lay open (patients,
    studies, reports) is deleted. Its name, its people's names, contracts and the audit journal stay. The master key is replaced.
    """
    from sidecar.instance import keeping

    instance = running(data)
    with _told():
        which = keeping.organisation(instance, organisation)
        if not yes:
            click.confirm(f"Destroy the keys and records of {organisation} for ever?", abort=True)
        destroyed, rows, wrapped = keeping.shred(instance, which)
        left = keeping.remainder(instance, which)
    console.print(f"{destroyed} keys are destroyed, {rows} rows deleted; {wrapped} keys of others have a new master key.")
    _prove_shredded(left)
    console.print("Its images lie in its cell's directory: stop the cell on the page Cells, then delete that directory.")


def _prove_shredded(left: "Remainder") -> None:
    """Print what is left, counted anew, and why; end with 1 when anything is that should not be."""
    from sidecar.vault.erasing import KEPT

    click.echo(f"Looked again: {left.keys} keys still open anything, {left.destroyed} are destroyed. Left in the database:")
    for table, count in left.tables.items():
        click.echo(f"  {table}: {count} ({KEPT.get(table, 'written since; run the command again')})")
    if not left.clean:
        raise SystemExit(1)


@keys.command("export")
@data_option
@click.argument("organisation")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.password_option("--passphrase", envvar="RR_PASSPHRASE", help="Closes the file. Asked for, or from RR_PASSPHRASE.")
def keys_export(data: Path, organisation: str, file: Path, passphrase: str) -> None:
    """Write the key of an organisation's backups to FILE, closed by a passphrase: they are restored with it. Keep both apart."""
    from sidecar.instance import keeping

    instance = running(data)
    with _told():
        keeping.hand_out(instance, keeping.organisation(instance, organisation), file, passphrase)


@cli.command()
@data_option
@click.argument("organisation")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=False))
def backup(data: Path, organisation: str, file: Path) -> None:
    """Write one organisation to FILE, closed under its own key.

    All its rows, signed reports and their PDFs. Not its images: copy its cell's directory, see README.
    """
    from sidecar.instance import keeping

    instance = running(data)
    with _told():
        rows = keeping.backup(instance, keeping.organisation(instance, organisation), file)
    console.print(f"{rows} rows are in {file}.")


@cli.command()
@data_option
@click.argument("file", type=existing_file)
@click.option("--key", required=True, type=existing_file, help="The file that `keys export` wrote.")
@click.option("--passphrase", envvar="RR_PASSPHRASE", prompt=True, hide_input=True, help="Asked for, or from RR_PASSPHRASE.")
def restore(data: Path, file: str, key: str, passphrase: str) -> None:
    """Bring an organisation back from FILE into an instance that does not have it."""
    from sidecar.instance import keeping

    with _told():
        which, rows = keeping.restore(running(data), Path(file), Path(key), passphrase)
    console.print(f"{rows} rows of {which} are back.")


@cli.command()
@click.argument("file", type=existing_file)
def inspect(file: str) -> None:
    """Check a copy of a report for inspection: signatures, PDFs, audit trail, nothing left out. Needs no instance."""
    from sidecar.reports.inspected import faults

    found = faults(Path(file).read_bytes())
    for fault in found:
        console.print("✗", fault, style="red", markup=False, highlight=False)
    if not found:
        console.print("✓ This copy is complete and as it was made.")
    raise SystemExit(1 if found else 0)


@contextmanager
def _told() -> Iterator[None]:
    """Say in a line what cannot be done."""
    from sidecar.kernel.errors import Problem

    try:
        yield
    except Problem as problem:
        raise click.ClickException(problem.message) from problem
    except FileExistsError as there_already:
        raise click.ClickException(f"{there_already.filename} exists; nothing is written over") from there_already


@cli.command()
def permissions() -> None:
    """Print which role may do and see what.

    The same table stands in the administration under Users, Roles and permissions.
    """
    from sidecar.gate.catalogue import as_text

    click.echo(as_text(), nl=False)


@cli.command()
def check() -> None:
    """Run lint, format, types, floors and unit tests."""
    from sidecar.instance.quality import inner_loop

    raise SystemExit(inner_loop(console))


@cli.command()
@click.argument("layers", nargs=-1)
def test(layers: tuple[str, ...]) -> None:
    """Run the tests as CI does, or layers alone.

    LAYERS are unit architecture contract service doors e2e; default: lint, types and all of them.
    """
    from sidecar.instance.quality import run_tests

    raise SystemExit(run_tests(layers, console))


@cli.command()
@click.argument("name", required=False)
@click.argument("numbers", nargs=-1)
def bench(name: str | None, numbers: tuple[str, ...]) -> None:
    """Measure: run a benchmark, or list them.

    Runs benchmarks/NAME.py with its NUMBERS; results go to build/bench/.
    """
    from sidecar.instance.quality import run_module

    raise SystemExit(run_module("benchmarks", name, "build/bench", console, numbers))


@cli.command()
@click.argument("name", required=False)
def proof(name: str | None) -> None:
    """Prove: run a proof, or list them.

    Runs tests/proof/NAME.py; results go to build/proof/.
    """
    from sidecar.instance.quality import run_module

    raise SystemExit(run_module("tests/proof", name, "build/proof", console))


if __name__ == "__main__":
    cli(prog_name="./readingroom")

"""The commands and their options."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wayfold.cli import letter_commands, snapshot_commands
from wayfold.cli.options import DEFAULT_URL, Config, Host, Json, Port, Set, To, Url, settings_of


class TopicsAction(StrEnum):
    """What `wayfold topics` may be told to do."""

    CREATE = "create"


class Status(StrEnum):
    """What a journey may be said to do."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"


app = typer.Typer(
    name="wayfold",
    help="Exact, always fresh numbers from the events of customer journeys.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


app.add_typer(letter_commands.app, name="dead-letters", rich_help_panel="Look")
app.add_typer(snapshot_commands.app, name="snapshots", rich_help_panel="Hosts")


def main() -> None:
    """Run the command line; exit 1 with one clear line when a command fails."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough; nothing may be written to it at the interpreter's end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        from wayfold.cli.errors import fail

        fail(error)
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        from wayfold import __version__

        typer.echo(f"wayfold {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""


@app.command(rich_help_panel="Hosts")
def run(
    demo: Annotated[
        bool,
        typer.Option(
            "--demo", help="Make traffic, to see numbers move; a new log begins with two weeks of it."
        ),
    ] = False,
    host: Host = None,
    port: Port = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Directory of log and state (embedded.directory)."),
    ] = None,
    start_at_oldest: Annotated[
        bool,
        typer.Option(help="Begin partitions without state where the log begins, though records are gone."),
    ] = False,
    config: Config = None,
    given: Set = None,
) -> None:
    """Run everything in one process, without servers: ingest, fold, API and metrics."""
    loaded = settings_of(config, given, http__host=host, http__port=port, embedded__directory=data)
    from wayfold.cli.embedded import run_embedded
    from wayfold.cli.logs import configure_logs

    configure_logs(loaded.settings.log)
    run_embedded(loaded.settings, demo=demo, start_at_oldest=start_at_oldest)


@app.command(rich_help_panel="Hosts")
def worker(
    start_at_oldest: Annotated[
        bool,
        typer.Option(
            "--start-at-oldest",
            help="Begin partitions without state where the topics begin now, though records are gone.",
        ),
    ] = False,
    config: Config = None,
    given: Set = None,
) -> None:
    """Run a cluster worker: fold partitions from Kafka, push the views to Redis."""
    settings = settings_of(config, given).settings
    from wayfold.cli.logs import configure_logs
    from wayfold.cli.worker import run_cluster_worker

    configure_logs(settings.log)
    run_cluster_worker(settings, start_at_oldest=start_at_oldest)


@app.command(rich_help_panel="Hosts")
def serve(
    ingest: Annotated[
        bool, typer.Option("--ingest", help="Also take events and definitions, into Kafka.")
    ] = False,
    host: Host = None,
    port: Port = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """Serve the API of a cluster, from Redis and the workers."""
    settings = settings_of(config, given, http__host=host, http__port=port).settings
    from wayfold.cli.logs import configure_logs
    from wayfold.cli.serve import run_server

    configure_logs(settings.log)
    run_server(settings, ingest=ingest)


@app.command(rich_help_panel="Hosts")
def topics(
    action: Annotated[
        TopicsAction | None, typer.Argument(help="create makes those that are missing; left out: only check.")
    ] = None,
    create: Annotated[bool, typer.Option("--create", hidden=True, help="The same as create.")] = False,
    config: Config = None,
    given: Set = None,
) -> None:
    """Check that the topics in Kafka fit together, or create them."""
    from rich.console import Console

    from wayfold.cli.topics import show_topics

    show_topics(
        settings_of(config, given).settings, Console(), create=create or action is TopicsAction.CREATE
    )


@app.command(rich_help_panel="Send")
def define(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Definitions, YAML or JSON.")],
    to: To = "http",
    config: Config = None,
    given: Set = None,
) -> None:
    """Publish journey definitions."""
    from rich.console import Console

    from wayfold.cli.sending import define as define_all

    define_all(files, to, settings_of(config, given).settings, Console(stderr=to == "-"))


@app.command(rich_help_panel="Send")
def status(
    journey: Annotated[str, typer.Argument(help="Journey id.")],
    says: Annotated[Status, typer.Argument(metavar="STATUS", help="running, paused or finished.")],
    account: Annotated[str, typer.Option(help="Whose journey it is.")] = "default",
    to: To = "http",
    config: Config = None,
    given: Set = None,
) -> None:
    """Publish that a journey runs, is paused or has finished."""
    from rich.console import Console

    from wayfold.cli.sending import say_status

    settings = settings_of(config, given).settings
    say_status(journey, says.value, account, to, settings, Console(stderr=to == "-"))


@app.command(rich_help_panel="Send")
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSONL, CSV or Parquet; .gz too.")],
    to: To = "http",
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Which events rows stand for; left out: they are events."),
    ] = None,
    unsorted: Annotated[
        bool, typer.Option("--unsorted", help="In the order of the file, not of time.")
    ] = False,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER", help="What separates CSV cells, or tab; else found by itself."),
    ] = None,
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="End when all is judged, and say how; by default over HTTP only.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        Path, typer.Option(metavar="FILE", help="Where an interrupted replay keeps how far it came.")
    ] = Path("wayfold-replay.json"),
    problems: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write rows that are not taken here, as lines of JSON."),
    ] = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """Send the events of files, and say how many counted; sending them again changes nothing.

    Exit 0: all of them count; without waiting: all are sent. 3: some were refused. 1: not all could be sent,
    or nobody says what became of them. 2: wrong options.
    """
    from rich.console import Console

    from wayfold.cli.replaying import replay_files

    status = replay_files(
        files,
        to,
        settings_of(config, given).settings,
        Console(stderr=True),
        mapping_file=mapping,
        delimiter=delimiter,
        checkpoint_file=checkpoint,
        problems_file=problems,
        is_sorted=not unsorted,
        wait=wait,
    )
    raise typer.Exit(status)


@app.command(rich_help_panel="Send")
def simulate(
    to: To = "http",
    count: Annotated[int | None, typer.Option(min=1, help="How many events.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Live traffic, events a second; else history, at full speed."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same history.")] = 1,
    config: Config = None,
    given: Set = None,
) -> None:
    """Make believable traffic: several journeys, channels, failures, late and repeated events, goals."""
    from rich.console import Console

    from wayfold.cli.sending import run_simulation
    from wayfold.simulate.run import Simulation

    simulation = Simulation(seed=seed, count=count, rate=rate)
    run_simulation(to, simulation, settings_of(config, given).settings, Console(stderr=True))


@app.command(rich_help_panel="Look")
def show(
    journey: Annotated[str | None, typer.Argument(help="Journey id; left out: a line for each.")] = None,
    as_json: Json = False,
    url: Url = DEFAULT_URL,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    version: Annotated[int | None, typer.Option(help="Only this journey version.")] = None,
    step: Annotated[str | None, typer.Option(help="Only this step.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    platform: Annotated[str | None, typer.Option(help="Only this platform.")] = None,
    variant: Annotated[str | None, typer.Option(help="Only this variant.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this local date or hour on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Before this local date or hour.")] = None,
    clock: Annotated[str | None, typer.Option(help="Time of exits and conversions: event or entry.")] = None,
) -> None:
    """Show the numbers of a running host."""
    from wayfold.exporters.show.client import read_known

    asked = {"account": account, "journey": journey, "version": version, "step": step, "channel": channel}
    asked |= {"platform": platform, "variant": variant, "from": start, "to": end, "clock": clock}
    document = read_known(url, asked)
    if as_json:
        _print_json(document)
        return
    from rich.console import Console

    from wayfold.exporters.show.tables import print_document

    print_document(document, Console(), journey_id=journey)


@app.command("audit", rich_help_panel="Look")
def audit_(
    journey: Annotated[str | None, typer.Argument(help="Journey id; left out: everything.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    users_sample: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Only the lists of this share of the users.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which users are in the sample.")] = 0,
    url: Annotated[
        str | None, typer.Option(help="A running embedded host, http://host:port; see --data.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Its directory. Without --url and --data: the cluster of the settings.",
        ),
    ] = None,
    max_events: Annotated[
        int, typer.Option(min=1, help="Most events to hold in memory, one to two kilobytes each.")
    ] = 5_000_000,
    as_json: Json = False,
    config: Config = None,
    given: Set = None,
) -> None:
    """Recompute the numbers from the event log and compare: exit 0 equal, 1 differs, 2 not to be audited."""
    try:
        from rich.console import Console

        from wayfold.audit.questions import Scope
        from wayfold.cli.auditing import print_verdict, run_audit

        scope = Scope(account_id=account, journey_id=journey, users_share=users_sample, seed=seed)
        verdict = run_audit(
            settings_of(config, given).settings,
            scope,
            url=url,
            data=data,
            max_events=max_events,
            console=Console(stderr=True),
        )
    except Exception as error:
        from wayfold.cli.errors import fail

        fail(error)
        raise typer.Exit(2) from None
    if as_json:
        import msgspec

        _print_json(msgspec.to_builtins(verdict))
    else:
        print_verdict(verdict, Console())
    raise typer.Exit(0 if verdict.equal else 1)


@app.command(rich_help_panel="Look")
def settings(as_json: Json = False, config: Config = None, given: Set = None) -> None:
    """Print every setting with its value, where it came from, and what it means."""
    from rich.console import Console

    from wayfold.exporters.show.settings_page import as_rows, print_settings

    loaded = settings_of(config, given)
    if as_json:
        _print_json(as_rows(loaded))
    else:
        print_settings(loaded, Console())


def _print_json(content: object) -> None:
    import json

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))

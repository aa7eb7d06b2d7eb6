"""The commands below `wayfold dead-letters`."""

from pathlib import Path
from typing import Annotated

import typer

from wayfold.cli.options import Config, Json, Set, settings_of

app = typer.Typer(
    help="Records that were refused: list them, mend them, send them again. Skip one that stops a worker.",
    no_args_is_help=True,
)

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="An embedded host's directory; left out: those in Kafka."),
]


@app.command("list")
def list_(
    reason: Annotated[str | None, typer.Option(help="Only those refused for this reason.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    resent: Annotated[bool, typer.Option("--resent", help="Also those that were sent again.")] = False,
    as_json: Json = False,
    data: Data = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """List refused records with the reason; --json prints lines that `resend` takes."""
    from wayfold.cli.letters import find_letters, print_found
    from wayfold.models.refusal import Reason

    if reason is not None and reason not in set(Reason):
        raise typer.BadParameter(f"there is no reason {reason!r}; use one of {', '.join(Reason)}")
    chosen = None if reason is None else Reason(reason)
    settings = settings_of(config, given).settings
    print_found(find_letters(settings, data, chosen, limit, resent), as_json=as_json)


@app.command("resend")
def resend_(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="Lines of `list --json`, mended; - for stdin.")
    ],
    url: Annotated[
        str | None, typer.Option(help="A running embedded host, http://host:port; left out: Kafka.")
    ] = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """Send records again as they stand in FILE, each to the topic that is right for it."""
    from rich.console import Console

    from wayfold.cli.letters import resend_lines

    resend_lines(settings_of(config, given).settings, url, file, Console())


@app.command("skip")
def skip_(
    topic: Annotated[str, typer.Argument(help="Topic kind, such as entries, or the topic's full name.")],
    partition: Annotated[int, typer.Argument(min=0)],
    offset: Annotated[int, typer.Argument(min=0)],
    note: Annotated[str, typer.Option(help="Why; it stands in the dead letter.")] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Also one that is counted; the state has to be built anew then."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Directory of an embedded host that does not run."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="A running embedded host, http://host:port; neither: Kafka.")
    ] = None,
    config: Config = None,
    given: Set = None,
) -> None:
    """Refuse one record for ever, now and whenever state is built again; it becomes a dead letter."""
    from rich.console import Console

    from wayfold.agents.control.skipping import SkipRequest
    from wayfold.cli.letters import skip_record

    if data is not None and url is not None:
        raise typer.BadParameter("give --data or --url, not both")
    request = SkipRequest(topic=topic, partition=partition, offset=offset, note=note, force=force)
    skip_record(settings_of(config, given).settings, request, data, url, Console())

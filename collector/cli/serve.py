"""`gleaner collector serve`: run the service until it is stopped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.options import BlobsAddress, Data, DatabaseAddress, SettingsFile
from collector.settings import Settings, load_settings
from http_shell.hosts import is_loopback


def serve(
    data: Data = None,
    database: DatabaseAddress = None,
    blobs: BlobsAddress = None,
    review_only: Annotated[
        bool | None,
        typer.Option(
            "--review-only",
            help="Serve people alone, next to the collector of the same PostgreSQL database that takes uploads.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen at; loopback unless asked. [env: GLEANER_COLLECTOR_HOST]"),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one. [env: GLEANER_COLLECTOR_PORT; default: 8700]")
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(help="The address people and devices use, behind a proxy. [env: GLEANER_COLLECTOR_PUBLIC_URL]"),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(help="PEM file of a certificate of your own, with --tls-key. [env: GLEANER_COLLECTOR_TLS_CERT]"),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key. [env: GLEANER_COLLECTOR_TLS_KEY]")] = None,
    insecure_http: Annotated[
        bool | None,
        typer.Option(
            "--insecure-http",
            help="Plain HTTP beyond this machine, behind a proxy with HTTPS. [env: GLEANER_COLLECTOR_INSECURE_HTTP]",
        ),
    ] = None,
    settings_file: SettingsFile = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write {url, pid} here once the port answers; for programs that start this one.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what jobs do.")] = False,
) -> None:
    """Run the collector until Ctrl-C or SIGTERM. Data and keys are made at the first start."""
    from collector.cli.server import serve as run

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    for chatty in ("alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    # What strangers send, and errors that the app has logged itself.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    flags = {"data": data, "host": host, "port": port, "public_url": public_url}
    flags |= {"database": database, "blobs": blobs, "review_only": review_only}
    flags |= {"tls_cert": tls_cert, "tls_key": tls_key, "insecure_http": insecure_http}
    run(load_settings(flags, settings_file), _print_address, ready_file)


def _print_address(settings: Settings, name: str | None) -> None:
    typer.echo(f"Collector at {settings.url} · data in {settings.data.absolute()}")
    if name is not None:
        typer.echo(f'Announced on the local network as "{name}": `gleaner agent join CODE` finds it.')
    if not settings.serves_https and not is_loopback(settings.host):
        typer.echo(
            f"Warning: it listens on {settings.host}, beyond this machine, without encryption. Everybody in that"
            " network can read what passes; put a proxy with HTTPS in front and name it with --public-url.",
            err=True,
        )
    if settings.has_own_authority:
        typer.echo(f"Browsers trust it once they know its authority: {settings.authority_file.absolute()}", err=True)
    typer.echo(f"A device joins with a code:  gleaner collector join-code --data {settings.data}", err=True)
    typer.echo(f"People sign in with a link: gleaner collector user link NAME --data {settings.data}", err=True)

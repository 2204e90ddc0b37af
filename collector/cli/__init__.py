"""`gleaner collector …`: one file per verb."""

from __future__ import annotations

import typer

from collector.cli import (
    backup,
    backups,
    check_export,
    device,
    export,
    exports,
    install_service,
    join_code,
    migrate,
    move,
    new_master_key,
    new_receipt_key,
    prelabel,
    report,
    restore,
    security_log,
    serve,
    study,
    user,
    verify,
)

app = typer.Typer(no_args_is_help=True, help="The service, its people, its reports and exports.")
app.command("serve")(serve.serve)
app.command("join-code")(join_code.join_code)
app.add_typer(device.app, name="device")
app.add_typer(user.app, name="user")
app.add_typer(study.app, name="study")
app.command("install-service")(install_service.install_service)
app.command("security-log")(security_log.security_log)
app.command("migrate")(migrate.migrate)
app.command("move")(move.move)
app.command("new-master-key")(new_master_key.new_master_key)
app.command("new-receipt-key")(new_receipt_key.new_receipt_key)
app.command("backup")(backup.backup)
app.add_typer(backups.app, name="backups")
app.command("restore")(restore.restore)
app.command("verify")(verify.verify)
app.add_typer(report.app, name="report")
app.add_typer(prelabel.app, name="prelabel")
app.command("export")(export.export)
app.add_typer(exports.app, name="exports")
app.command("check-export")(check_export.check_export)

"""The commands: arguments enter, an exit status leaves; 0 success, 1 failed check or refused input, 2 wrong usage.

Every command imports what it needs when it runs: ``--help`` answers at once and the supervisor of ``up`` stays small.
"""

from __future__ import annotations

import sys

import typer

from brain.cli import backtest, bench, catalogue, check, new, parts, quarantine, scene, send, sensor_types, traffic, up
from brain.errors import CloudBrainError

__all__ = ["app", "main"]

app = typer.Typer(
    name="cloudbrain",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="City cloud brain (城市云脑): meters, drones and cameras of a city become explained incidents.\n\n"
    "Start with `cloudbrain up --simulate`, then open the address it prints.",
)
for module in (up, parts, traffic, send, backtest, sensor_types, quarantine, scene, new, catalogue, check, bench):
    module.register(app)


def main() -> None:
    """Run a command; errors of ours become one sentence on stderr and exit status 1."""
    try:
        app()
    except CloudBrainError as error:
        sys.stderr.write(f"cloudbrain: {error}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None

"""``mlcore run``, ``submit`` and ``cv``: train here, in the background, or once for each fold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from mlcore.cli.commands import TEXT, WHOLE, Command
from mlcore.cli.fields import (
    Experiments,
    FieldOption,
    class_of,
    dest_of,
    flag_of,
    preset_option,
    start_of,
    type_of,
    without_conflicts,
)
from mlcore.cli.run_lines import print_cross_validation, print_run
from mlcore.core.fields import as_plain

if TYPE_CHECKING:
    from mlcore.core import Config, FieldSpec


def _run(experiment: str, cls: type[Config]) -> Command:
    def act(force: bool = False, **given: Any) -> int:
        from mlcore.runs import Status, run

        done = run(_config(experiment, given), force=force)
        print_run(done)
        return 1 if done.status in (Status.FAILED, Status.LOST) else 0

    return _command(experiment, cls, act, "Train")


def _submit(experiment: str, cls: type[Config]) -> Command:
    def act(force: bool = False, **given: Any) -> int:
        from mlcore.runs import submit

        print_run(submit(_config(experiment, given), force=force))
        return 0

    return _command(experiment, cls, act, "Queue")


def _cv(experiment: str, cls: type[Config]) -> Command:
    def act(
        force: bool = False,
        repeats: int = 1,
        metric: str | None = None,
        no_wait: bool = False,
        **given: Any,
    ) -> int:
        from mlcore.runs import cross_validate

        config = _config(experiment, given)
        result = cross_validate(
            config, repeats=repeats, metric=metric, force=force, wait=not no_wait
        )
        print_cross_validation(result)
        return 0

    return _command(experiment, cls, act, "Cross-validate", without=("fold",), more=_CV_OPTIONS)


_CV_OPTIONS: Final = (
    click.Option(
        ["--repeats"],
        type=WHOLE,
        default=1,
        help="How often to divide the data anew, by the next fold seed (default 1).",
    ),
    click.Option(
        ["--metric"], type=TEXT, help="The score of a fold (default: the validation accuracy)."
    ),
    click.Option(["--no-wait"], is_flag=True, help="Return at once."),
)

run = Experiments("run", _run, "train here, recorded, with a progress bar; at once when cached")
submit = Experiments("submit", _submit, "queue a run for the background workers")
cv = Experiments("cv", _cv, "cross-validate: train once for each fold (--folds, default 5)")


def _command(
    experiment: str,
    cls: type[Config],
    act: Any,
    verb: str,
    *,
    without: Collection[str] = (),
    more: Sequence[click.Parameter] = (),
) -> Command:
    specs = [spec for spec in cls.specs() if spec.name not in without]
    fields: list[click.Parameter] = [_option(spec) for spec in specs]
    force = click.Option(["--force"], is_flag=True, help="Train again even if cached.")
    return Command(
        experiment,
        callback=act,
        params=without_conflicts(fields, [*preset_option(cls), *more, force]),
        help=f"{verb} the experiment {experiment}.",
        short_help=f"the experiment {experiment}",
    )


def _option(spec: FieldSpec) -> FieldOption:
    flag, text = flag_of(spec.name), _help(spec)
    if spec.kind == "switch":
        return FieldOption(spec, f"{flag}/--no-{flag[2:]}", text)
    return FieldOption(spec, flag, text, type=type_of(spec), metavar=spec.kind.upper())


def _help(spec: FieldSpec) -> str:
    default = spec.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    shown = "empty" if default == "" else "none" if default is None else as_plain(default)
    return f"{spec.help.rstrip('.')} — {spec.allowed()} (default {shown})".removeprefix(" — ")


def _config(experiment: str, given: dict[str, Any]) -> Config:
    cls = class_of(experiment)
    fields = {
        spec.name: value if spec.kind == "switch" else spec.parse(value)
        for spec in cls.specs()
        if (value := given.get(dest_of(spec.name))) is not None
    }
    return start_of(cls, given.get("preset")).replace(**fields)

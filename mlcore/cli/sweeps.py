"""``mlcore sweep mnist --lr log:1e-4:1 -n 32``, and ``mlcore sweeps`` for existing sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from mlcore.cli.commands import NUMBER, WHOLE, Command, Group, OneOf, argument, command, option
from mlcore.cli.console import moment, one_line, printable
from mlcore.cli.fields import (
    Experiments,
    FieldOption,
    HeadedOption,
    class_of,
    dest_of,
    flag_of,
    preset_option,
    start_of,
    type_of,
    without_conflicts,
)
from mlcore.cli.run_lines import line_of_python
from mlcore.core import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlcore.core import Config, FieldSpec
    from mlcore.runs import Run
    from mlcore.sweeps import Conditional, Range, Sweep

_SAMPLERS: Final = ("grid", "random", "tpe", "gp", "nsga2")
_TEXT: Final = (
    "Run an experiment with many settings. A field takes one value, several (--lr 0.1,0.2), or a "
    "range: log:1e-4:1, lin:0:0.9, int:1:9 (int:8:64/8: every eighth), logint:1:512. Of layers, "
    "32,128 are two choices of one layer each; several layers are written with x, as in 32,128x64."
)


def _command(experiment: str, cls: type[Config]) -> Command:
    def act(**given: Any) -> int:
        return _sweep(experiment, given)

    fields: list[click.Parameter] = [option for spec in cls.specs() for option in _options(spec)]
    return Command(
        experiment,
        callback=act,
        params=without_conflicts(fields, [*preset_option(cls), *_budget()]),
        help=_TEXT,
        short_help=f"the experiment {experiment}",
    )


sweep = Experiments("sweep", _command, "many runs: a grid, or a search")


def _options(spec: FieldSpec) -> list[FieldOption]:
    flag = flag_of(spec.name)
    text = f"{spec.help.rstrip('.')} — {spec.allowed()}".removeprefix(" — ")
    if spec.kind != "switch":
        return [FieldOption(spec, flag, text, type=type_of(spec), metavar=spec.kind.upper())]
    return [
        FieldOption(
            spec,
            flag,
            text,
            type=type_of(spec),
            is_flag=False,
            flag_value="true",
            metavar="[SWITCH]",
        ),
        _OffOption(spec, f"--no-{flag[2:]}", "switch it off", flag_value="false"),
    ]


class _OffOption(FieldOption):
    """``--no-NAME`` beside ``--NAME``; both give one parameter."""

    def consume_value(
        self, ctx: click.Context, opts: Mapping[str, Any]
    ) -> tuple[Any, ParameterSource]:
        """Take no value but its own: click would take ``--NAME`` for it, where no value follows."""
        if opts.get(self.name) != self.flag_value:
            opts = {name: value for name, value in opts.items() if name != self.name}
        return super().consume_value(ctx, opts)


def _budget() -> list[click.Parameter]:
    """The search options: budget, sampler, objective, seeds and pruning."""

    def one(*flags: str, **more: Any) -> HeadedOption:
        return HeadedOption("The sweep", list(flags), **more)

    samplers = OneOf(_SAMPLERS, strict=False)
    return [
        one("-n", type=WHOLE, help="how many trials to run, each once per seed"),
        one("--minutes", type=NUMBER, help="start no new run after this many minutes"),
        one(
            "--sampler",
            type=samplers,
            metavar="SAMPLER",
            default="grid",
            help=f"{', '.join(_SAMPLERS)} (default grid)",
        ),
        one("--objective", help="a metric, or two: test_accuracy,samples_per_second"),
        one("--direction", help="maximize or minimize, one per objective"),
        one("--seeds", default="1", help="number of seeds per trial, or a list: 0,1,2"),
        one("--prune", help="prune poor runs: median or halving, as in median@0.25,0.5"),
        one(
            "--cv",
            is_flag=True,
            help="run each trial once for each fold (--folds, default 5), and judge it by the mean",
        ),
        one("--sampler-seed", type=WHOLE, default=0, help="seed of the sampler (default 0)"),
        one(
            "--only-if",
            multiple=True,
            metavar="FIELD:OTHER=VALUES",
            help="sweep a field only where another has these values: momentum:optimizer=sgd",
        ),
        one(
            "--base",
            multiple=True,
            metavar="FIELD=VALUE",
            help="value of a swept field where its condition does not hold",
        ),
        one("--name", default="", help="name of the sweep"),
        one("--force", is_flag=True, help="start a new sweep even if an equal one exists"),
        one("--no-wait", is_flag=True, help="return at once"),
    ]


def _sweep(experiment: str, given: dict[str, Any]) -> int:
    from mlcore.sweeps import sweep

    config, space = _asked(class_of(experiment), given)
    objective, direction = given.get("objective"), given.get("direction")
    found = sweep(
        config,
        space,
        given.get("n"),
        sampler=given.get("sampler", "grid"),
        objective=objective.split(",") if objective else None,
        direction=direction.split(",") if direction else None,
        seeds=_seeds(given.get("seeds", "1")),
        minutes=given.get("minutes"),
        prune=given.get("prune"),
        seed=given.get("sampler_seed", 0),
        cross_validate=given.get("cv", False),
        wait=not given.get("no_wait"),
        force=given.get("force", False),
        name=given.get("name", ""),
    )
    _print_sweep(found)
    return 1 if found.status == "failed" else 0


def _asked(
    cls: type[Config], given: dict[str, Any]
) -> tuple[Config, dict[str, Range | Conditional]]:
    """The config with all single values set, and the ranges."""
    from mlcore.core import ConfigError
    from mlcore.sweeps import Choices, parse_range

    fixed: dict[str, Any] = {}
    space: dict[str, Range | Conditional] = {}
    for spec in cls.specs():
        text = given[dest_of(spec.name)]
        if text is None:
            continue
        swept = parse_range(text, spec)
        if isinstance(swept, Choices) and len(swept.values) == 1:
            fixed[spec.name] = swept.values[0]
        else:
            space[spec.name] = swept
    if not space:
        raise ConfigError(
            {"": "Nothing varies: give a field a range or several values, as in --lr log:1e-4:1."}
        )
    specs = {spec.name: spec for spec in cls.specs()}
    for text in given.get("only_if", ()):
        name, condition = _condition(text, specs, space)
        space[name] = condition
    for text in given.get("base", ()):
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in specs:
            raise InputError(f"--base is {text!r}, but must be like momentum=0.5.")
        base = parse_range(value, specs[name])
        fixed[name] = base.values[0] if isinstance(base, Choices) else value
    return start_of(cls, given.get("preset")).replace(**fixed), space


def _condition(
    text: str, specs: dict[str, FieldSpec], space: dict[str, Range | Conditional]
) -> tuple[str, Conditional]:
    from mlcore.sweeps import Choices, Conditional, parse_range

    name, colon, rest = text.partition(":")
    other, equals, values = rest.partition("=")
    name, other = name.strip().replace("-", "_"), other.strip().replace("-", "_")
    if not (colon and equals and values):
        raise InputError(f"--only-if is {text!r}, but must be like momentum:optimizer=sgd.")
    swept = space.get(name)
    if swept is None or isinstance(swept, Conditional):
        raise InputError(f"--only-if names {name}, but that is not swept, or named twice.")
    if other not in specs:
        raise InputError(f"--only-if names {other}, but the fields are {', '.join(specs)}.")
    allowed = parse_range(values, specs[other])
    if not isinstance(allowed, Choices):
        raise InputError(f"--only-if is {text!r}, but takes values, not a range.")
    return name, Conditional(swept, other, allowed.values)


def _seeds(text: str) -> int | list[int]:
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--seeds is {text!r}, but must be a whole number, or several: 0,1,2."
        ) from None
    return seeds[0] if len(seeds) == 1 else seeds


SWEEP_ID = argument("sweep_id", "id of the sweep, or a prefix of it", metavar="ID")


def _listed(n: int) -> int:
    from mlcore.runs import open_store, tend
    from mlcore.sweeps import list_sweeps

    if n < 1:
        raise InputError(f"-n is {n}, but must be a whole number from 1 up.")
    store = open_store()
    tend(store)
    for found in list_sweeps(store, n):
        try:
            print(_line(found))
        except (ValueError, TypeError) as error:  # of an experiment that is not known here
            print(f"{_head(found)}  {one_line(str(error), 400)}")
    return 0


def _list_unless_asked_else() -> int | None:
    return None if click.get_current_context().invoked_subcommand else _listed(20)


sweeps = Group(
    "sweeps",
    help="List sweeps, stop them, extend them. Without a command: list them.",
    callback=_list_unless_asked_else,
    subcommand_metavar="[COMMAND] [ARGS]...",
)


@command(
    "list sweeps, newest first",
    option("-n", "n", type=WHOLE, default=20, text="how many at most (default 20)"),
)
def ls(n: int) -> int:
    """Print one line per sweep."""
    return _listed(n)


@command("show the results of a sweep", SWEEP_ID)
def show(sweep_id: str) -> int:
    """Print a sweep's results and the commands that start it again."""
    from mlcore.runs import open_store, tend
    from mlcore.sweeps import get_sweep, verdict

    tend(open_store())
    found = get_sweep(sweep_id)
    _print_sweep(found)
    for sentence in verdict.sentences(found):
        print(f"  test set     {printable(sentence)}")
    for name, share in found.importance().items():
        print(f"  importance   {name} {share:.0%}")
    print(f"  python       {printable(line_of_python(found.config, found.as_python()))}")
    print(f"  command      {printable(found.as_command())}")
    return 0


@command("stop a sweep and its runs, and save their state", SWEEP_ID)
def stop(sweep_id: str) -> int:
    """Stop a sweep."""
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(sweep_id).stop()))
    return 0


@command("resume a sweep", SWEEP_ID)
def resume(sweep_id: str) -> int:
    """Resume a sweep."""
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(sweep_id).resume()))
    return 0


@command("open the sealed test set for the winner of a sweep, once", SWEEP_ID)
def examine(sweep_id: str) -> int:
    """Examine a sweep's winner on the test set."""
    from mlcore.sweeps import get_sweep, verdict

    found = get_sweep(sweep_id)
    found.examine_winner()
    for sentence in verdict.sentences(found):
        print(sentence)
    return 0


@command("wait until a sweep is done", SWEEP_ID)
def wait(sweep_id: str) -> int:
    """Wait for a sweep, with a progress bar."""
    from mlcore.sweeps import get_sweep

    _print_sweep(get_sweep(sweep_id).wait())
    return 0


@command(
    "run more trials, or for more minutes",
    SWEEP_ID,
    option("-n", "n", type=WHOLE, text="number of further trials"),
    option("--minutes", type=NUMBER, text="for this many minutes from now"),
)
def extend(sweep_id: str, n: int | None, minutes: float | None) -> int:
    """Extend a sweep."""
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(sweep_id).extend(n, minutes=minutes)))
    return 0


@command(
    "name a sweep",
    SWEEP_ID,
    argument("name", "the name; an empty one removes it"),
)
def rename(sweep_id: str, name: str) -> int:
    """Change a sweep's name."""
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(sweep_id).rename(name)))
    return 0


@command("delete a sweep; its runs stay", SWEEP_ID)
def remove(sweep_id: str) -> int:
    """Delete a sweep."""
    from mlcore.sweeps import get_sweep

    found = get_sweep(sweep_id)
    again = found.as_command()
    found.delete()
    print(f"Sweep {found.id} is deleted, its runs stay. This command brings it back:\n  {again}")
    return 0


for _name, _act in (
    ("ls", ls),
    ("show", show),
    ("stop", stop),
    ("resume", resume),
    ("wait", wait),
    ("examine", examine),
    ("extend", extend),
    ("rename", rename),
    ("rm", remove),
):
    sweeps.add_command(_act, _name)


def _print_sweep(found: Sweep) -> None:
    print(_line(found))
    if found.error:
        print(f"  {one_line(found.error, 400)}")
    for sentence in dict.fromkeys(one.sentence() for one in found.ensembles):
        print(f"  {printable(sentence)}")
    if len(found.objectives) > 1:
        for run in found.pareto:
            print(f"  best  {_result(found, run)}")
    elif (best := found.best) is not None:
        print(f"  best  {_result(found, best)}")


def _line(found: Sweep) -> str:
    counts = found.counts
    again = counts.different < found.asked
    different = f", {counts.different} different settings" if again else ""
    cached = f", {counts.cached} cached" if counts.cached else ""
    failed = f", {counts.failed} failed" if counts.failed else ""
    pruned = f", {counts.pruned} pruned" if counts.pruned else ""
    name = f"  {one_line(found.name)}" if found.name else ""
    return (
        f"{_head(found)}  {counts.done} of {counts.total} runs"
        f"{different}{cached}{failed}{pruned}  {', '.join(found.space.fields)}{name}"
    )


def _head(found: Sweep) -> str:
    return f"{found.id}  {one_line(found.experiment):10}  {found.status:8}  {moment(found.created)}"


def _result(found: Sweep, run: Run) -> str:
    latest = run.latest()
    values = "  ".join(f"{one.metric}={latest[one.metric]:.6g}" for one in found.objectives)
    fields = "  ".join(f"{n}={run.config.field_value(n)}" for n in found.space.fields)
    return f"{run.id}  {values}  {fields}"

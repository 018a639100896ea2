"""The verbs of the command line for sweeps: ``mlcore sweep mnist --lr log:1e-4:1 -n 32``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from mlcore.cli_shared import one_line
from mlcore.core import Config, ConfigError, FieldSpec
from mlcore.experiments import EXPERIMENTS, config_class

if TYPE_CHECKING:
    from mlcore.runs import Run
    from mlcore.sweeps import Conditional, Range, Sweep

_SAMPLERS: Final = ("grid", "random", "tpe", "gp", "nsga2")
_TEXT: Final = (
    "Run an experiment with many settings. A field takes one value, several (--lr 0.1,0.2), or a "
    "range: log:1e-4:1, lin:0:0.9, int:1:9 (int:8:64/8: every eighth), logint:1:512. Of layers, "
    "32,128 are two choices of one layer each; several layers are written with x, as in 32,128x64."
)


def add_verbs(verbs: Any) -> None:
    """Add the verbs to the parsers that ``argparse.ArgumentParser.add_subparsers`` gave."""
    sweep = verbs.add_parser("sweep", help="many runs: a grid, or a search", description=_TEXT)
    experiments = sweep.add_subparsers(required=True, metavar="EXPERIMENT")
    for name in EXPERIMENTS:
        one = experiments.add_parser(name, help=f"the experiment {name}", description=_TEXT)
        _add_flags(one, config_class(name))
        one.set_defaults(act=_sweep, experiment=name)
    sweeps = verbs.add_parser("sweeps", help="list sweeps, stop them, extend them")
    acts = sweeps.add_subparsers(metavar="ACT")
    sweeps.set_defaults(act=_list, n=20)
    ls = acts.add_parser("ls", help="list sweeps, newest first")
    ls.add_argument("-n", type=int, default=20, help="how many at most (default 20)")
    ls.set_defaults(act=_list)
    for verb, act, text in (
        ("show", _show, "what a sweep has found so far"),
        ("stop", _stop, "stop a sweep and its runs, keeping their state"),
        ("resume", _resume, "go on with a sweep"),
        ("wait", _wait, "wait until a sweep is done"),
        ("extend", _extend, "try more settings, or for more minutes"),
        ("rename", _rename, "give a sweep a name"),
        ("rm", _remove, "strike a sweep off the list; its runs stay"),
    ):
        one = acts.add_parser(verb, help=text, description=text)
        one.add_argument("id", help="id of the sweep, or the beginning of it")
        if verb == "extend":
            one.add_argument("-n", type=int, help="so many settings more")
            one.add_argument("--minutes", type=float, help="for so many minutes from now")
        if verb == "rename":
            one.add_argument("name", help="the name; an empty one takes it away")
        one.set_defaults(act=act)


def _add_flags(parser: argparse.ArgumentParser, cls: type[Config]) -> None:
    if cls.presets:
        parser.add_argument("--preset", choices=list(cls.presets), help="start from a named config")
    for spec in cls.specs():
        flag, dest = spec.name.replace("_", "-"), f"field_{spec.name}"
        text = _help(spec)
        if spec.kind == "switch":
            parser.add_argument(
                f"--{flag}", dest=dest, nargs="?", const="true", metavar="SWITCH", help=text
            )
            parser.add_argument(
                f"--no-{flag}", dest=dest, action="store_const", const="false", help="switch it off"
            )
        else:
            parser.add_argument(f"--{flag}", dest=dest, metavar=spec.kind.upper(), help=text)
    budget = parser.add_argument_group("the sweep")
    budget.add_argument("-n", type=int, help="how many settings to try, each once a seed")
    budget.add_argument("--minutes", type=float, help="start no run later than that")
    budget.add_argument("--sampler", default="grid", help=f"{', '.join(_SAMPLERS)} (default grid)")
    budget.add_argument("--objective", help="a metric, or two: test_accuracy,samples_per_second")
    budget.add_argument("--direction", help="maximize or minimize, one an objective")
    budget.add_argument("--seeds", default="1", help="repeats of a setting, or which: 0,1,2")
    budget.add_argument("--prune", help="end poor runs: median or halving, as in median@0.25,0.5")
    budget.add_argument("--sampler-seed", type=int, default=0, help="of the sampler (default 0)")
    budget.add_argument(
        "--only-if",
        action="append",
        default=[],
        metavar="FIELD:OTHER=VALUES",
        help="sweep a field only where another has these values: momentum:optimizer=sgd",
    )
    budget.add_argument(
        "--base",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="what a swept field is where its condition does not hold",
    )
    budget.add_argument("--name", default="", help="what to call it")
    budget.add_argument("--force", action="store_true", help="another sweep even if it is there")
    budget.add_argument("--no-wait", action="store_true", help="return at once")


def _help(spec: FieldSpec) -> str:
    return f"{spec.help.rstrip('.')} — {spec.allowed()}".replace("%", "%%")


def _sweep(given: argparse.Namespace) -> int:
    from mlcore.sweeps import sweep

    config, space = _asked(given)
    names = given.objective.split(",") if given.objective else None
    ways = given.direction.split(",") if given.direction else None
    found = sweep(
        config,
        space,
        given.n,
        sampler=given.sampler,
        objective=names,
        direction=ways,
        seeds=_seeds(given.seeds),
        minutes=given.minutes,
        prune=given.prune,
        seed=given.sampler_seed,
        wait=not given.no_wait,
        force=given.force,
        name=given.name,
    )
    _print_sweep(found)
    return 1 if found.status == "failed" else 0


def _asked(given: argparse.Namespace) -> tuple[Config, dict[str, Range | Conditional]]:
    """The config with all single values in place, and the ranges."""
    from mlcore.sweeps import Choices, parse_range

    cls = config_class(given.experiment)
    start = cls.presets[given.preset] if getattr(given, "preset", None) else cls()
    fixed: dict[str, Any] = {}
    space: dict[str, Range | Conditional] = {}
    for spec in cls.specs():
        text = getattr(given, f"field_{spec.name}")
        if text is None:
            continue
        swept = parse_range(text, spec)
        if isinstance(swept, Choices) and len(swept.values) == 1:
            fixed[spec.name] = swept.values[0]
        else:
            space[spec.name] = swept
    if not space:
        raise ConfigError(
            {"": "Nothing is swept: give a field a range or several values, as in --lr log:1e-4:1."}
        )
    specs = {spec.name: spec for spec in cls.specs()}
    for text in given.only_if:
        name, condition = _condition(text, specs, space)
        space[name] = condition
    for text in given.base:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in specs:
            raise ValueError(f"--base is {text!r}, but must be like momentum=0.5.")
        base = parse_range(value, specs[name])
        fixed[name] = base.values[0] if isinstance(base, Choices) else value
    return start.replace(**fixed), space


def _condition(
    text: str, specs: dict[str, FieldSpec], space: dict[str, Range | Conditional]
) -> tuple[str, Conditional]:
    from mlcore.sweeps import Choices, Conditional, parse_range

    name, colon, rest = text.partition(":")
    other, equals, values = rest.partition("=")
    name, other = name.strip().replace("-", "_"), other.strip().replace("-", "_")
    if not (colon and equals and values):
        raise ValueError(f"--only-if is {text!r}, but must be like momentum:optimizer=sgd.")
    swept = space.get(name)
    if swept is None or isinstance(swept, Conditional):
        raise ValueError(f"--only-if names {name}, but that is not swept, or named twice.")
    if other not in specs:
        raise ValueError(f"--only-if names {other}, but the fields are {', '.join(specs)}.")
    allowed = parse_range(values, specs[other])
    if not isinstance(allowed, Choices):
        raise ValueError(f"--only-if is {text!r}, but takes values, not a range.")  # noqa: TRY004 - a word on a command line
    return name, Conditional(swept, other, allowed.values)


def _seeds(text: str) -> int | list[int]:
    try:
        seeds = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--seeds is {text!r}, but must be a whole number, or several: 0,1,2."
        ) from None
    return seeds[0] if len(seeds) == 1 else seeds


def _list(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store, tend
    from mlcore.sweeps import list_sweeps

    if given.n < 1:
        raise ValueError(f"-n is {given.n}, but must be a whole number from 1 up.")
    store = open_store()
    tend(store)
    for found in list_sweeps(store, given.n):
        print(_line(found))
    return 0


def _show(given: argparse.Namespace) -> int:
    from mlcore.runs import open_store, tend
    from mlcore.sweeps import get_sweep

    tend(open_store())
    found = get_sweep(given.id)
    _print_sweep(found)
    for name, share in found.importance().items():
        print(f"  importance   {name} {share:.0%}")
    print(f"  python       {found.as_python()}")
    print(f"  command      {found.as_command()}")
    return 0


def _stop(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(given.id).stop()))
    return 0


def _resume(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(given.id).resume()))
    return 0


def _wait(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    _print_sweep(get_sweep(given.id).wait())
    return 0


def _extend(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(given.id).extend(given.n, minutes=given.minutes)))
    return 0


def _rename(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    print(_line(get_sweep(given.id).rename(given.name)))
    return 0


def _remove(given: argparse.Namespace) -> int:
    from mlcore.sweeps import get_sweep

    found = get_sweep(given.id)
    again = found.as_command()
    found.delete()
    print(f"Sweep {found.id} is off the list, its runs stay. It comes back with:\n  {again}")
    return 0


def _print_sweep(found: Sweep) -> None:
    print(_line(found))
    if found.error:
        print(f"  {one_line(found.error, 400)}")
    for sentence in dict.fromkeys(one.sentence() for one in found.ensembles):
        print(f"  {sentence}")
    if len(found.objectives) > 1:
        for run in found.pareto:
            print(f"  best  {_result(found, run)}")
    elif (best := found.best) is not None:
        print(f"  best  {_result(found, best)}")


def _line(found: Sweep) -> str:
    counts = found.counts
    cached = f", {counts.cached} cached" if counts.cached else ""
    failed = f", {counts.failed} failed" if counts.failed else ""
    pruned = f", {counts.pruned} pruned" if counts.pruned else ""
    name = f"  {one_line(found.name)}" if found.name else ""
    return (
        f"{found.id}  {found.experiment:10}  {found.status:8}  "
        f"{found.created:%Y-%m-%d %H:%M}  {counts.done} of {counts.total} runs"
        f"{cached}{failed}{pruned}  {', '.join(found.space.fields)}{name}"
    )


def _result(found: Sweep, run: Run) -> str:
    latest = run.latest()
    values = "  ".join(f"{one.metric}={latest[one.metric]:.6g}" for one in found.objectives)
    fields = "  ".join(f"{n}={getattr(run.config, n)}" for n in found.space.fields)
    return f"{run.id}  {values}  {fields}"

"""Optuna's samplers over an in-memory study that is rebuilt from the rows of a sweep.

The rows are the only record: a study is built for one call and dropped. Each trial is drawn with a
separate seed, so that an interrupted sweep gets the same trials as an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlcore.sweeps.ranges import Choices, IntRange, LinearRange, LogRange, Range
from mlcore.sweeps.spec import SweepSpec
from mlcore.sweeps.trials import State, Trial, TrialKey, trial_key

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

_REDRAWS = 4
"""Further draws for a setting where the first repeats what was tried."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The setting of the next trial.

    Attributes:
        params: Field → value; a field whose condition does not hold is left out.
        attrs: The sampler's attributes (Optuna's system attributes), stored with the trial.
    """

    params: dict[str, Any]
    attrs: Mapping[str, Any] = field(default_factory=dict)


def propose(spec: SweepSpec, history: Sequence[Trial], start: int, count: int) -> list[Proposal]:
    """Ask the sampler for the next settings, all of them new.

    A sampler that draws a setting again is asked a few times more, then gets one of those left;
    where they cannot be listed, as a field of the space is continuous, the repeat is taken.

    Args:
        spec: Sampler, space and objectives.
        history: The trials so far with their results.
        start: Number of the first new trial.
        count: How many; trials proposed together count as running for one another.

    Returns:
        ``count`` settings, fewer only from a space that has no more.
    """
    if spec.sampler == "grid":
        return _rest_of_grid(spec, history, count)
    asked: list[Proposal] = []
    seen = {trial_key(setting.params) for setting in history}
    with quiet():
        study = build_study(spec, history if spec.adaptive else ())
        left: Iterator[dict[str, Any]] | None = None
        for number in range(start, start + count):
            found = _draw(spec, study, number, seen)
            if trial_key(found.params) in seen:
                left = _shuffled(spec) if left is None else left
                if left is not None:
                    fresh = next((p for p in left if trial_key(p) not in seen), None)
                    if fresh is None:
                        break
                    study.enqueue_trial({name: _label(value) for name, value in fresh.items()})
                    found = _ask(spec, study)[1]
            seen.add(trial_key(found.params))
            asked.append(found)
    return asked


def build_study(spec: SweepSpec, history: Sequence[Trial]) -> optuna.Study:
    """An in-memory study of a sweep's trials; see the module's docstring.

    Settings that the space of today does not hold are left out: no sampler could place them.
    """
    import optuna

    study = optuna.create_study(directions=[one.direction for one in spec.objectives])
    for setting in history:
        if spec.space.contains(spec.config, setting.params):
            study.add_trial(_trial(spec, setting))
    return study


def build_sampler(spec: SweepSpec, number: int, redraw: int = 0) -> optuna.samplers.BaseSampler:
    """The sampler for the trial of a number, with Optuna's defaults but for the seed.

    Args:
        spec: Names the sampler and its seed.
        number: Of the setting.
        redraw: How many draws for it were dropped because they repeat what was tried.
    """
    from optuna import samplers

    seed = trial_seed(spec.seed, number, redraw)
    match spec.sampler:
        case "tpe":
            return samplers.TPESampler(seed=seed)
        case "gp":
            return samplers.GPSampler(seed=seed)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed)
        case _:
            return samplers.RandomSampler(seed=seed)


def importance(spec: SweepSpec, settings: Sequence[Trial]) -> dict[str, float]:
    """Share of the first objective's variance by field; see ``Sweep.importance``."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    complete = [s for s in settings if s.values(spec.objectives) is not None]
    found = {values[0] for s in complete if (values := s.values(spec.objectives)) is not None}
    if len(found) < 2:
        return {}
    with quiet():
        study = build_study(spec, complete)
        target = None if len(spec.objectives) == 1 else lambda trial: float(trial.values[0])
        return dict(
            get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), target=target)
        )


def trial_seed(seed: int, number: int, redraw: int = 0) -> int:
    """The seed of one trial's draw: 31 bits of SHA-256, so that neighbouring trials differ."""
    text = f"{seed}/{number}/{redraw}" if redraw else f"{seed}/{number}"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1


def distribution(swept: Range) -> BaseDistribution:
    """A range as an Optuna distribution; tuples are represented by their text."""
    from optuna import distributions as d

    match swept:
        case LinearRange():
            return d.FloatDistribution(swept.low, swept.high)
        case LogRange():
            return d.FloatDistribution(swept.low, swept.high, log=True)
        case IntRange():
            high = swept.values[-1]  # Optuna wants an end that the steps reach
            return d.IntDistribution(swept.low, high, log=swept.log, step=swept.step)
        case Choices():
            return d.CategoricalDistribution([_label(value) for value in swept.values])


def _rest_of_grid(spec: SweepSpec, history: Sequence[Trial], count: int) -> list[Proposal]:
    seen = {trial_key(setting.params) for setting in history}
    fresh = (p for p in spec.space.grid(spec.config) if trial_key(p) not in seen)
    return [Proposal(params) for params, _ in zip(fresh, range(count), strict=False)]


def _draw(spec: SweepSpec, study: optuna.Study, number: int, seen: Container[TrialKey]) -> Proposal:
    """A setting that is not in ``seen``, or after a few draws one that is."""
    from optuna.trial import TrialState

    for redraw in range(_REDRAWS + 1):
        study.sampler = build_sampler(spec, number, redraw)
        trial, found = _ask(spec, study)
        if trial_key(found.params) not in seen:
            break
        study.tell(trial, state=TrialState.FAIL)  # else it would count as running
    return found


def _ask(spec: SweepSpec, study: optuna.Study) -> tuple[optuna.Trial, Proposal]:
    trial = study.ask()
    params: dict[str, Any] = {}
    for name, swept in spec.space.ranges.items():
        if spec.space.active(spec.config, name, params):
            params[name] = _suggest(trial, name, swept)
    notes = study.get_trials(deepcopy=False)[trial.number].system_attrs
    return trial, Proposal(params, {k: v for k, v in notes.items() if k != "fixed_params"})


def _shuffled(spec: SweepSpec) -> Iterator[dict[str, Any]] | None:
    """Every setting in an order that the sweep's seed decides; None if they cannot be listed."""
    settings = spec.space.settings(spec.config)
    if settings is None:
        return None
    random.Random(trial_seed(spec.seed, -1)).shuffle(settings)  # noqa: S311 - no secret
    return iter(settings)


def _suggest(trial: optuna.Trial, name: str, swept: Range) -> Any:
    match swept:
        case LinearRange():
            return trial.suggest_float(name, swept.low, swept.high)
        case LogRange():
            return trial.suggest_float(name, swept.low, swept.high, log=True)
        case IntRange():
            high = swept.values[-1]
            return trial.suggest_int(name, swept.low, high, log=swept.log, step=swept.step)
        case Choices():
            labels = [_label(value) for value in swept.values]
            return swept.values[labels.index(trial.suggest_categorical(name, labels))]


def _label(value: Any) -> Any:
    return repr(value) if isinstance(value, tuple) else value


def _trial(spec: SweepSpec, setting: Trial) -> optuna.trial.FrozenTrial:
    from optuna.trial import TrialState, create_trial

    values = setting.values(spec.objectives)
    state, middle = TrialState.FAIL, {}
    if values is not None:
        state = TrialState.COMPLETE
    elif setting.state is State.RUNNING:
        state = TrialState.RUNNING
    elif setting.state is State.PRUNED and len(spec.objectives) == 1:
        state = TrialState.PRUNED
        judged = [member.decisions[-1] for member in setting.members if member.decisions]
        middle = {judged[-1].step: judged[-1].value} if judged else {}
    return create_trial(
        state=state,
        values=list(values) if values is not None else None,
        params={name: _label(value) for name, value in setting.params.items()},
        distributions={
            name: distribution(swept)
            for name, swept in spec.space.ranges.items()
            if name in setting.params
        },
        intermediate_values=middle,
        system_attrs=dict(setting.members[0].attrs),
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's message about each new in-memory study."""
    from optuna import logging

    before = logging.get_verbosity()
    logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)

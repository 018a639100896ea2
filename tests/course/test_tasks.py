"""Each task of the course: a state that solves it, and states near it that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore import MNISTConfig, RegressionConfig, Status, log_range, regression, sweep
from mlcore.autograd import Leaf, parse, trace
from mlcore.autograd.backward_options import BackwardOptions
from mlcore.autograd.ledger import ledger
from mlcore.autograd.presets import PRESETS
from mlcore.course import (
    KEYS,
    Task,
    autograd,
    compare,
    convolution,
    draw,
    generalization,
    initialization,
    inside,
    mnist,
    optimizers,
    runs,
    sweeps,
    tasks_of,
)
from mlcore.course import activations as act
from mlcore.course import normalization as norm
from mlcore.generalization import (
    NoisyFunction,
    Penalty,
    double_descent,
    draw_features,
    errors_by_degree,
)
from mlcore.layers import activate, chain, convolve, logit_loss, normalize, propagate, unit_activity
from mlcore.layers.names import Activation, Norm, Scheme
from mlcore.mnist import load
from mlcore.mnist.insight import Examination
from mlcore.regression import Racer, Rule, race
from mlcore.runs import compare as compare_runs
from mlcore.runs.store.run_table import run_table
from mlcore.runs.store.store import Store
from tests.runs.made import made, made_with_finals
from tests.sweeps.conftest import work_off

DOUBLE = torch.float64


def task(chapter: str, key: str) -> Task[Any]:
    return next(one for one in tasks_of(chapter) if one.key == key)


def solved(chapter: str, state: object) -> set[str]:
    return {one.key for one in tasks_of(chapter) if one.check(state)}


# --- the catalogue ---------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", KEYS)
def test_a_chapter_has_three_to_five_tasks_under_the_keys_that_home_counts(chapter: str) -> None:
    tasks = tasks_of(chapter)

    assert tuple(one.key for one in tasks) == KEYS[chapter]
    assert 3 <= len(tasks) <= 5
    assert len({one.goal for one in tasks}) == len(tasks)
    for one in tasks:
        for sentence in (one.goal, one.shows):
            assert sentence.endswith((".", "!"))
            assert len(sentence) <= 110


def test_a_chapter_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(KeyError, match="no chapter 'algebra'; they are autograd, regression"):
        tasks_of("algebra")


# --- automatic differentiation ---------------------------------------------------------------


def line(w: float = 3.0, x: float = 1.0, *, constant: tuple[str, ...] = ()) -> autograd.State:
    leaves = {
        name: Leaf(value, name not in constant) for name, value in (("w", w), ("x", x), ("b", 2.0))
    }
    return autograd.State(trace(PRESETS["line"].program, leaves))


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_solves_a_task_by_being_opened(preset: str) -> None:
    given = PRESETS[preset]

    assert solved("autograd", autograd.State(trace(given.program, given.leaves))) == set()


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_the_gradient_by_w_is_4_where_x_is(w: float, x: float) -> None:
    assert ("gradient" in solved("autograd", line(w, x))) == (abs(x - 4) <= 4e-6)
    assert "gradient" in solved("autograd", line(w, 4.0))


def test_only_b_without_grad_is_the_constant_asked_for() -> None:
    assert solved("autograd", line(constant=("b",))) == {"constant"}
    assert solved("autograd", line(constant=("x",))) == set()
    assert solved("autograd", line(constant=("w", "x", "b"))) == {"refused"}


@pytest.mark.parametrize(
    ("switches", "adds_up"),
    [
        (BackwardOptions(calls=3), True),
        (BackwardOptions(calls=2), False),
        (BackwardOptions(calls=3, zero_grad=True), False),
        (BackwardOptions(calls=3, forward_again=False, retain_graph=True), True),
    ],
)
def test_three_calls_must_add_up(switches: BackwardOptions, adds_up: bool) -> None:
    found = ledger(parse("z = w*x + b"), PRESETS["line"].leaves, switches)

    assert ("accumulate" in solved("autograd", autograd.State(ledger=found))) == adds_up


@pytest.mark.parametrize(
    ("program", "twice"),
    [("y = a*a", True), ("y = a + a*b", True), ("y = a*b", False), ("y = a + 1\nz = y*y", False)],
)
def test_a_leaf_counts_as_used_twice_where_two_gradients_meet(program: str, twice: bool) -> None:
    parsed = parse(program)
    state = autograd.State(trace(parsed, dict.fromkeys(parsed.leaves, 3.0)))

    assert ("twice" in solved("autograd", state)) == twice


def test_an_output_that_is_no_scalar_is_refused_too() -> None:
    assert "refused" in solved("autograd", autograd.State(trace("y = a*2", {"a": [1.0, 2.0]})))


# --- regression ------------------------------------------------------------------------------


def test_the_course_takes_over_regressions_own_verdicts() -> None:
    own = regression.tasks.TASKS
    assert [one.goal for one in tasks_of("regression")] == [one.goal for one in own]
    assert all(one.shows for one in tasks_of("regression"))


# --- optimizers ------------------------------------------------------------------------------


def raced(where: Any = "himmelblau", start: Any = None, steps: int = 500, **rates: float) -> Any:
    names = {"plain": "gradient descent", "adam": "Adam", "adagrad": "Adagrad"}
    rules = {"plain": "gradient_descent"}
    entries = {
        names.get(name, name): Racer(Rule(rules.get(name, name)), rate)  # type: ignore[arg-type]
        for name, rate in rates.items()
    }
    return race(where, start, entries, steps)


def test_a_rate_that_is_far_too_large_diverges() -> None:
    assert "diverge" in solved("optimizers", optimizers.State(raced(plain=0.5, steps=50)))
    assert "diverge" not in solved("optimizers", optimizers.State(raced(plain=0.01)))
    assert "diverge" not in solved("optimizers", optimizers.State(raced(adam=100.0)))


def test_three_optimizers_can_end_in_three_minima_of_himmelblau() -> None:
    rates: dict[str, Any] = {"plain": 0.01, "momentum": 0.005, "nesterov": 0.002, "adagrad": 0.5}
    rates |= {"rmsprop": 0.02, "adam": 0.1}
    at_home = raced(**rates)
    assert "minima" not in solved("optimizers", optimizers.State(at_home))
    assert "minima" in solved("optimizers", optimizers.State(raced(start=(1.0, 5.0), **rates)))


def test_gradient_descent_crosses_the_valley_of_rosenbrock_in_more_steps() -> None:
    short = raced("rosenbrock", plain=0.002)
    long = raced("rosenbrock", plain=0.002, steps=2000)
    assert "valley" not in solved("optimizers", optimizers.State(short))
    assert "valley" in solved("optimizers", optimizers.State(long))
    assert "valley" not in solved("optimizers", optimizers.State(raced(plain=0.01)))


def test_momentum_needs_half_the_calls_on_a_steep_quadratic() -> None:
    steep = regression.surface("quadratic", 100.0)
    result = raced(steep, plain=0.019, momentum=0.034)
    assert "momentum" in solved("optimizers", optimizers.State(result, 100.0))
    assert "momentum" not in solved("optimizers", optimizers.State(result, 50.0))
    assert "momentum" not in solved("optimizers", optimizers.State(result))
    slow = raced(steep, plain=0.019, momentum=0.0001)
    assert "momentum" not in solved("optimizers", optimizers.State(slow, 100.0))


# --- layers ----------------------------------------------------------------------------------


def normalized(kind: Norm, x: torch.Tensor | None = None, **options: Any) -> norm.State:
    if x is None:
        x = torch.randn(3, 4, 3, 3, dtype=DOUBLE, generator=torch.Generator().manual_seed(0)) + 1
    return norm.State(normalize(kind, x, **{"affine": False, **options}))


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (normalized("group", groups=1), {"layer"}),
        (normalized("group", groups=1, affine=True, weight=1.5, bias=0.5), {"layer"}),
        (normalized("group", groups=4), {"instance"}),
        (normalized("group", groups=2), set()),
        (normalized("layer"), set()),
        (normalized("instance"), set()),
        (normalized("batch"), set()),
        (normalized("batch", training=False), {"eval"}),
        (normalized("layer", torch.full((2, 2, 3, 3), 0.75, dtype=DOUBLE)), {"zero"}),
        (normalized("rms", torch.full((2, 2, 3, 3), 0.75, dtype=DOUBLE)), set()),
        (normalized("layer", torch.zeros(2, 2, 3, 3, dtype=DOUBLE)), set()),
        (normalized("group", torch.ones(2, 1, 1, 1, dtype=DOUBLE), groups=1), {"zero"}),
    ],
)
def test_norms_that_agree(state: norm.State, keys: set[str]) -> None:
    assert solved("normalization", state) == keys


@pytest.mark.parametrize(("x", "flat"), [(-6.0, True), (5.0, True), (-1.0, False), (0.0, False)])
def test_the_sigmoid_is_flat_far_from_0(x: float, flat: bool) -> None:
    names: tuple[Activation, ...] = ("sigmoid", "relu")
    points: dict[Activation, Any] = {
        name: activate(name, torch.tensor([x], dtype=DOUBLE)) for name in names
    }
    assert ("flat" in solved("activations", act.State(points=points))) == flat
    assert solved("activations", act.State(points={"relu": points["relu"]})) == set()


@pytest.mark.parametrize(
    ("start", "depth", "weight", "survives"),
    [(0.0, 20, 1.0, True), (0.5, 20, 1.0, False), (0.0, 19, 1.0, False), (0.0, 20, 1.1, False)],
)
def test_a_gradient_survives_twenty_layers_of_tanh_where_the_factors_are_1(
    start: float, depth: int, weight: float, survives: bool
) -> None:
    chains: dict[Activation, Any] = {
        "tanh": chain("tanh", torch.tensor([start], dtype=DOUBLE), depth, weight)
    }
    assert ("chain" in solved("activations", act.State(chains=chains))) == survives


@pytest.mark.parametrize(("shift", "dead"), [(-4.0, True), (0.0, False)])
def test_units_die_where_their_inputs_are_negative(shift: float, dead: bool) -> None:
    z = torch.randn(100, 20, dtype=DOUBLE, generator=torch.Generator().manual_seed(0))
    names: tuple[Activation, ...] = ("relu", "gelu")
    units: dict[Activation, Any] = {name: unit_activity(name, z + shift) for name in names}
    assert ("dead" in solved("activations", act.State(units=units))) == dead


@pytest.mark.parametrize(
    ("logits", "sure"), [((-3.0, 4.0, 1.0, 0.0), False), ((8.0, 1.0, 0.0, 0.0), True)]
)
def test_a_sure_network_has_a_small_cross_entropy(logits: tuple[float, ...], sure: bool) -> None:
    loss = logit_loss("cross_entropy", torch.tensor([logits], dtype=DOUBLE), 0)
    state = act.State(losses={"cross_entropy": loss})
    assert ("sure" in solved("activations", state)) == sure


@pytest.mark.parametrize(
    ("channels", "side", "options", "keys"),
    [
        ((1, 1), 3, {"padding": 1}, set()),
        ((1, 1), 5, {"padding": 2}, {"same"}),
        ((1, 1), 5, {"padding": 1}, set()),
        ((1, 1), 3, {"padding": 1, "stride": 2}, {"half"}),
        ((1, 1), 3, {"dilation": 4}, {"dilated"}),
        ((1, 1), 5, {"dilation": 2}, set()),
        ((2, 2), 3, {"groups": 2}, {"depthwise"}),
        ((2, 4), 3, {"groups": 2}, set()),
        ((4, 4), 3, {"groups": 2}, set()),
    ],
)
def test_convolutions(
    channels: tuple[int, int], side: int, options: dict[str, Any], keys: set[str]
) -> None:
    inputs, outputs = channels
    weight = torch.ones(outputs, inputs // options.get("groups", 1), side, side, dtype=DOUBLE)
    x = torch.ones(1, inputs, 28, 28, dtype=DOUBLE)

    state = convolution.State(convolve(x, weight, **{"stride": 1, "padding": 0, **options}))

    assert solved("convolution", state) == keys


@pytest.mark.parametrize(
    ("depth", "activation", "scheme", "scale", "keys"),
    [
        (10, "relu", "kaiming", 0.01, set()),
        (30, "relu", "kaiming", 0.01, {"survive"}),
        (20, "sigmoid", "xavier", 0.01, {"vanish"}),
        (10, "relu", "normal", 0.03, set()),
        (20, "relu", "normal", 0.3, {"explode"}),
        (3, "relu", "constant", 0.03, {"symmetry"}),
        (3, "relu", "zeros", 0.03, {"symmetry"}),
    ],
)
def test_initializations(
    depth: int, activation: Any, scheme: Scheme, scale: float, keys: set[str]
) -> None:
    digits = load("mnist")
    images = (digits.test_images[:16].double() / 255 - digits.mean) / digits.std
    result = propagate(
        images,
        digits.test_labels[:16],
        depth=depth,
        width=64,
        activation=activation,
        scheme=scheme,
        scale=scale,
        seed=0,
    )

    assert solved("initialization", initialization.State({scheme: result})) == keys


# --- generalization --------------------------------------------------------------------------


def fitted(degree: int, kind: str = "none", strength: float = 0.01) -> object:
    function = NoisyFunction(seed=2)
    penalty = Penalty(kind, strength)  # type: ignore[arg-type]  # one of the kinds
    return generalization.State(
        kind=kind,
        degree=degree,
        curve=errors_by_degree(function, penalty),
        plain=errors_by_degree(function),
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (fitted(5), {"best"}),
        (fitted(9), set()),
        (fitted(15), set()),
        (fitted(15, "ridge", 1e-5), set()),
        (fitted(15, "ridge", 0.01), {"ridge"}),
        (fitted(14, "ridge", 0.01), set()),
        (fitted(15, "lasso", 0.05), set()),
        (generalization.State(), set()),
    ],
)
def test_a_fit_solves_the_tasks_it_shows(state: object, expected: set[str]) -> None:
    assert solved("generalization", state) == expected


def test_the_peak_is_solved_at_its_width_and_with_enough_ridge() -> None:
    features = draw_features(40, seed=2)
    strong, weak = (double_descent(features, strength=strength) for strength in (0.01, 1e-5))

    assert solved("generalization", generalization.State(widths=strong, width=40)) == {"peak"}
    assert solved("generalization", generalization.State(widths=strong, width=20)) == set()
    assert solved("generalization", generalization.State(widths=weak, width=40)) == set()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (generalization.State(better=frozenset({"dropout"})), {"remedy"}),
        (generalization.State(leak="copies", flattered=0.12), {"leak"}),
        (generalization.State(leak="copies", flattered=0.08), set()),
        (generalization.State(leak="none", flattered=0.12), set()),  # luck is no leak
    ],
)
def test_networks_on_few_images_and_folds(state: object, expected: set[str]) -> None:
    assert solved("generalization", state) == expected


# --- networks and runs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (draw.State(True, [("7", 0.8)]), {"seven"}),
        (draw.State(False, [("7", 0.999), ("1", 0.4)]), set()),
        (draw.State(True, [("3", 0.995)]), {"sure"}),
        (draw.State(True, [("3", 0.49), ("5", 0.8)]), {"unsure", "differ"}),
        (draw.State(True, [("3", 0.6), ("3", 0.9)]), set()),
        (draw.State(True, []), set()),
    ],
)
def test_drawings(state: draw.State, keys: set[str]) -> None:
    assert solved("draw", state) == keys


def examined(guesses: list[int]) -> Examination:
    """What a network says of images of 0, 0, 0, 1, 1, 2."""
    labels = np.array([0, 0, 0, 1, 1, 2])
    outputs = np.eye(3, dtype=np.float32)[guesses]
    made: Examination = Examination.__new__(Examination)
    for name, value in (
        ("labels", labels),
        ("outputs", outputs),
        ("guesses", np.array(guesses)),
    ):
        object.__setattr__(made, name, value)
    return made


def test_the_most_frequent_mistake_is_off_the_diagonal() -> None:
    erring, perfect = examined([0, 1, 1, 1, 0, 2]), examined([0, 0, 0, 1, 1, 2])

    def worst(found: Examination, cell: tuple[int, int] | None) -> bool:
        return "worst" in solved("inside", inside.State(examination=found, cell=cell))

    assert worst(erring, (0, 1))
    assert not worst(erring, (1, 0))
    assert not worst(erring, (1, 1))
    assert not worst(erring, None)
    assert not worst(perfect, (0, 1))


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (inside.State(own_maps=True), {"maps"}),
        (inside.State(varied="loss", pairs=3), {"losses"}),
        (inside.State(varied="activation", pairs=3), {"relu"}),
        (inside.State(varied="activation", pairs=2), set()),
        (inside.State(), set()),
    ],
)
def test_inside(state: inside.State, keys: set[str]) -> None:
    assert solved("inside", state) == keys


@pytest.mark.usefixtures("store")
def test_runs_of_mnist(store: Store) -> None:
    def after(config: MNISTConfig, accuracy: float, status: Status = Status.FINISHED) -> set[str]:
        run = made(store, config, {"test_accuracy": {5: accuracy}}, status)
        return solved("mnist", mnist.State([run]))

    assert after(MNISTConfig(), 0.84) == set()
    assert after(MNISTConfig(seed=1), 0.86) == {"train"}
    assert after(MNISTConfig(seed=2), 0.98, Status.STOPPED) == set()
    assert after(MNISTConfig(seed=3), 0.98) == {"train", "better"}
    assert after(MNISTConfig(model="linear"), 0.91) == {"train", "linear"}
    assert solved("mnist", mnist.State([])) == set()


@pytest.mark.usefixtures("store")
def test_a_run_counts_as_resumed_when_it_was_queued_again_and_finished(store: Store) -> None:
    config = MNISTConfig(seed=9)
    stopped = made(store, config, {"loss": {1: 1.0}}, Status.STOPPED)
    assert solved("mnist", mnist.State([stopped])) == set()

    queued = store.requeue(stopped)
    assert solved("mnist", mnist.State([queued])) == set()
    finished = finish(store, queued.id)

    assert solved("mnist", mnist.State([finished])) == {"resume"}


def finish(store: Store, run_id: str) -> Any:
    from mlcore.runs.execution.claims import end, take
    from mlcore.runs.process_id import ProcessId

    claim = take(store, ProcessId.of(), run_id)
    assert claim is not None
    return end(claim, Status.FINISHED)


@pytest.mark.usefixtures("store")
def test_the_table_of_runs(store: Store) -> None:
    def state(where: str = "", keep: Callable[[Any], Any] | None = None) -> runs.State:
        table = run_table(store)
        return runs.State(table, table if keep is None else table[keep(table)], where)

    assert solved("runs", state()) == set()
    low, *_, high = made_with_finals(store, MNISTConfig(), [0.8, 0.95])
    assert solved("runs", state()) == set()

    assert "filter" in solved(
        "runs", state("test_accuracy > 0.9", lambda t: t["metric.test_accuracy"] > 0.9)
    )
    assert "filter" not in solved("runs", state("", lambda t: t["metric.test_accuracy"] > 0.9))
    assert "filter" not in solved("runs", state("x", lambda t: t["metric.test_accuracy"] > 0))

    low.edit(starred=True)
    assert solved("runs", state()) == set()
    high.edit(starred=True, name="mine")
    assert solved("runs", state()) == {"best", "name"}

    made_with_finals(store, MNISTConfig(lr=0.02), [0.8, 0.8])
    assert "seeds" not in solved("runs", state())
    made(store, MNISTConfig(seed=2), {"test_accuracy": {1: 0.9}})
    assert "seeds" in solved("runs", state())


@pytest.mark.usefixtures("store")
def test_comparisons(store: Store) -> None:
    one = made_with_finals(store, MNISTConfig(), [0.900, 0.902, 0.901])
    far = made_with_finals(store, MNISTConfig(lr=0.02), [0.950, 0.952, 0.951])
    near = made_with_finals(store, MNISTConfig(lr=0.03), [0.901, 0.900, 0.903])

    def comparing(run_list: list[Any], measure: str = "last") -> set[str]:
        found = compare_runs(run_list, metric="test_accuracy", measure=measure, store=store)
        return solved("compare", compare.State(found))

    assert comparing([*one, *far]) == {"seeds", "sure"}
    assert comparing([*one, *near]) == {"seeds", "luck"}
    assert comparing([one[0], far[0]]) == set()
    assert "target" in comparing([one[0], far[0]], "steps to 0.94")
    assert "target" not in comparing([one[0], far[0]], "steps to 0.99")


def test_sweeps(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLCORE_WORKERS", "0")
    fast = RegressionConfig(steps=2)
    rates, steps = {"lr": log_range(1e-6, 1e-4)}, {"steps": [2, 3]}

    def done(space: Any, n: int | None, **more: Any) -> set[str]:
        assert store.url
        found = sweep(fast, space, n, wait=False, **more)
        assert solved("sweeps", sweeps.State(found)) == set()
        return solved("sweeps", sweeps.State(work_off(found)))

    assert done(rates, 8) == {"finish"}
    assert done(rates, 4) == set()
    assert done({"lr": [1e-6, 1e-5, 2e-5, 3e-5], **steps}, None) == {"finish", "two"}
    assert done({"batch_size": [1, 2, 3, 4]}, None, seeds=3) == {"seeds"}

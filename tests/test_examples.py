"""Each public function shows an example in its docstring, and the example is true."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

import mlcore

ROOT: Final = Path(mlcore.__file__).parent

FACADES: Final = (
    "mlcore",
    "mlcore.autograd",
    "mlcore.charts",
    "mlcore.generalization",
    "mlcore.inspection",
    "mlcore.layers",
    "mlcore.mnist",
    "mlcore.mnist.insight",
    "mlcore.regression",
    "mlcore.runs",
    "mlcore.runs.export",
    "mlcore.runs.imports",
    "mlcore.sweeps",
)

CLASSES: Final = {"Comparison", "Config", "CrossValidation", "Run", "Step", "Sweep"}
"""Public classes that are used by their methods, and so have an example as well."""

EXTRAS: Final = {
    "follow": "tensorboard",
    "import_tensorboard": "tensorboard",
    "to_mlflow": "mlflow",
    "to_onnx": "onnx",
    "to_tensorboard": "tensorboard",
    "umap_plane": "umap",
}
"""Functions that need a package which may be missing."""

MOST_LINES: Final = 9
"""Of an example, its output included."""


def _stub(facade: str) -> Path:
    return ROOT.joinpath(*facade.split(".")[1:], "__init__.pyi")


def _named(facade: str) -> Iterator[tuple[str, Any]]:
    """The names of a façade's stub, and what they stand for."""
    module = importlib.import_module(facade)
    for node in ast.parse(_stub(facade).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.name, getattr(module, alias.name)


@cache
def _public() -> dict[str, Any]:
    """What the façades name, by its full name; what two of them name stands once."""
    found: dict[int, tuple[str, Any]] = {}
    for facade in FACADES:
        for name, value in _named(facade):
            found.setdefault(id(value), (f"{facade}.{name}", value))
    return dict(found.values())


def _is_function(value: object) -> bool:
    return inspect.isfunction(inspect.unwrap(value)) if callable(value) else False


def _examples(value: object) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")


def _shown() -> Iterator[tuple[str, list[doctest.Example]]]:
    """Each function and each of ``CLASSES``, with the statements of its docstring."""
    for name, value in _public().items():
        if _is_function(value) or (inspect.isclass(value) and value.__name__ in CLASSES):
            yield name, _examples(value)


def test_every_facade_is_looked_at() -> None:
    inside = ("mlcore.core", "mlcore.runs.execution.engines")  # for our own modules
    stubs = set(ROOT.rglob("__init__.pyi"))
    assert stubs == {_stub(facade) for facade in (*FACADES, *inside)}


def test_every_public_function_shows_a_short_example() -> None:
    shown = dict(_shown())
    assert len(shown) > 100
    assert {name.rpartition(".")[2] for name in shown} >= CLASSES
    assert [name for name, examples in shown.items() if not examples] == []
    lines = {
        name: sum((each.source + each.want).count("\n") for each in examples)
        for name, examples in shown.items()
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
    alone = [name for name, examples in shown.items() if "import" not in examples[0].source]
    assert alone == [], "an example brings its own imports"


@pytest.mark.parametrize("facade", FACADES)
def test_help_on_a_package_names_what_is_in_it(facade: str) -> None:
    module = importlib.import_module(facade)
    said = inspect.getdoc(module) or ""
    assert _examples(module), "it begins with something to try"
    if facade == "mlcore":
        names = [f"``{other}``" for other in FACADES[1:]]
    else:
        names = [f"``{name}``" for name, value in _named(facade) if _is_function(value)]
    assert [name for name in names if name not in said] == []


@pytest.mark.usefixtures("store")
def test_every_example_is_true(subtests: pytest.Subtests) -> None:
    """One process for all, and runs made once: a run that is known answers at once."""
    for lr in (1e-5, 2e-5, 3e-5, 5e-5, 1e-4):
        assert mlcore.run(mlcore.RegressionConfig(steps=20, lr=lr)).status.value == "finished"
    mlcore.run(mlcore.RegressionConfig(steps=20, seed=1))
    mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
    packages = ((facade, _examples(importlib.import_module(facade))) for facade in FACADES)
    for name, examples in (*packages, *_shown()):
        extra = EXTRAS.get(name.rpartition(".")[2])
        with subtests.test(name), warnings.catch_warnings():
            if extra is not None:
                if importlib.util.find_spec(extra) is None:
                    pytest.skip(f"{extra} is missing")
                warnings.simplefilter("ignore")  # MLflow warns of its own dependencies
            said: list[str] = []
            test = doctest.DocTest(examples, {}, name, None, 0, None)
            result = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
            assert result.failed == 0, "".join(said)

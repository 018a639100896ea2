"""Whatever a link or a box says, each page answers: no traceback, and it lives on afterwards.

The parameters of a page are found by opening it: those that a widget is bound to, those that are
asked for by name, and the fields of the configs that are read from the URL. Each case draws a page,
one to four of its parameters and a hostile value for each; after the link the same session types
a hostile text into one of the page's boxes, and is then set right again.

``MLCORE_HOSTILE=10000 pytest -n 0 -s tests/pages/test_hostile_parameters.py`` tries as many cases;
``MLCORE_HOSTILE_SEED`` names their seed, which is printed and stands in every failure.
"""

from __future__ import annotations

import functools
import math
import os
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
from streamlit.runtime.state.query_params_proxy import QueryParamsProxy
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import NumberInput

from mlcore.core import Config
from mlcore.ui.draft import Draft
from tests.waiting import PATIENCE

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = tuple(sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
CASES: Final = int(os.environ.get("MLCORE_HOSTILE", "98"))
SEED: Final = int(os.environ.get("MLCORE_HOSTILE_SEED", "20"))
NOT_ASKED_BY_NAME: Final = {"autograd": ("program", "preset", "leaf.w", "leaf.x", "leaf.")}
"""What a page looks for among all parameters of the URL."""

HOSTILE: Final = (
    *("inf", "-inf", "Infinity", "nan", "-nan", "1e400", "-1e400", "1e-400", "1e308", "-0", "-0.0"),
    *("0", "-1", "1e6", "1.5", "9" * 400, "9" * 5000, "-" + "9" * 30, "0x10", "1_000", "٣", "½"),
    *(
        "",
        " ",
        "\t\n",
        "None",
        "null",
        "true",
        "quick",
        "1,2",
        "1;2",
        "[]",
        "{}",
        '"',
        "a" * 10_000,
    ),
    *("../../etc/passwd", "/", "C:\\", "<script>alert(1)</script>", "$x$ **b** `c` :red[d]"),
    *(
        "'; DROP TABLE runs; --",
        "%00",
        "\x00",
        "\u202eabc",
        "🔥",
        "é" * 300,
        "1e400,inf",
        "lin:inf:1",
    ),
    *("log:0:1", "int:nan:3", "!!!", "-1_-1", "inf_nan!-9", "=1+1", "__import__('os')"),
)
TRUTH: Final = ("1", "2", "0.5", "true", "made", "csv", "line", "adam")


@dataclass(frozen=True, slots=True)
class Found:
    """What a page can be asked for: its parameters, and the choices that some of them offer."""

    names: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]]


def opened(page: str, params: Mapping[str, str]) -> AppTest:
    at = AppTest.from_file(ROOT / "dashboard.py", default_timeout=PATIENCE)
    if page != "home":
        at.switch_page(f"pages/{page}.py")
    at.query_params.update(params)
    return at.run()


@functools.cache
def parameters(page: str) -> Found:
    """Open a page, then each of its tabs, and note what it asks the URL for."""
    with asked() as names:
        names |= set(NOT_ASKED_BY_NAME.get(page, ()))
        at = opened(page, {})
        bound, choices = bindings(at)
        names |= bound
        for key, labels in list(choices.items()):
            for label in labels[1:]:
                more, _ = bindings(opened(page, {key: label}))
                names |= more
    return Found(tuple(sorted(names)), choices)


class asked:  # noqa: N801 - a context manager
    """Names that are looked up in the URL meanwhile."""

    def __enter__(self) -> set[str]:
        names: set[str] = set()

        def noted(method: Any) -> Any:
            def lookup(params: Any, key: str, *rest: Any) -> Any:
                names.add(key)
                return method(params, key, *rest)

            return lookup

        def read(_: type[Draft], config_class: type[Config], params: Mapping[str, str]) -> Draft:
            names.update(spec.name for spec in config_class.specs())
            return original(config_class, params)

        original = Draft.from_params
        self._patches = [
            patch.object(QueryParamsProxy, name, noted(getattr(QueryParamsProxy, name)))
            for name in ("__getitem__", "__contains__", "get", "__setitem__", "__delitem__")
        ]
        self._patches.append(patch.object(Draft, "from_params", classmethod(read)))
        for each in self._patches:
            each.start()
        return names

    def __exit__(self, *_: object) -> None:
        for each in self._patches:
            each.stop()


def bindings(at: AppTest) -> tuple[set[str], dict[str, tuple[str, ...]]]:
    """The parameters that widgets are bound to, and the choices of those that offer some."""
    assert not at.exception, at.exception
    names: set[str] = set()
    choices: dict[str, tuple[str, ...]] = {}
    for node in nodes(at._tree):
        proto = getattr(node, "proto", None)
        container = getattr(proto, "tab_container", None)
        if key := getattr(proto, "query_param_key", ""):
            names.add(key)
            options = tuple(getattr(proto, "options", ()))
            if options and all(isinstance(option, str) for option in options):
                choices[key] = options
        elif key := getattr(container, "query_param_key", ""):
            names.add(key)
            choices[key] = tuple(tab.label for tab in node.children.values())
    return names, choices


def nodes(block: Any) -> Iterator[Any]:
    yield block
    for child in getattr(block, "children", {}).values():
        yield from nodes(child)


def hostile(draw: random.Random, found: Found, name: str) -> str:
    """A value for a parameter: one that no form expects, rarely one that some form does."""
    if name in found.choices and draw.random() < 0.8:
        return draw.choice(found.choices[name])  # so that the other values meet every tab
    if draw.random() < 0.1:
        return draw.choice(TRUTH)
    if draw.random() < 0.1:
        return f"{draw.choice((-1, 1)) * 10 ** draw.uniform(-320, 308):.3g}"
    return draw.choice(HOSTILE)


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize("page", PAGES)
def test_no_link_and_no_box_brings_a_page_down(page: str) -> None:
    draw = random.Random(f"{SEED} {page}")
    cases = math.ceil(CASES / len(PAGES))
    sys.stdout.write(f"hostile parameters: seed {SEED}, {cases} cases on /{page}\n")
    found = parameters(page)
    for case in range(cases):
        chosen = draw.sample(found.names, min(len(found.names), draw.randint(1, 4)))
        if draw.random() < 0.5:
            chosen += [key for key in found.choices if key not in chosen]
        params = {name: hostile(draw, found, name) for name in chosen}
        told = f"seed {SEED}, case {case}: /{page} with {params!r:.2000}"
        at = opened(page, params)
        assert not at.exception, f"{told}: {at.exception}"
        assert at.title, f"{told}: the page is empty"
        if boxes := [*at.text_input, *at.text_area, *at.number_input]:
            box = draw.choice(boxes)
            before, typed = box.value, typed_into(box, draw)
            told += f", then {typed!r:.60} in {box.key!r}"
            at = box.set_value(typed).run()
            assert not at.exception, f"{told}: {at.exception}"
            again = [
                b for b in [*at.text_input, *at.text_area, *at.number_input] if b.key == box.key
            ]
            if again and before is not None:
                at = again[0].set_value(before).run()
                assert not at.exception, f"{told}, then set right: {at.exception}"
                assert at.title, f"{told}, then set right: the page is empty"


def typed_into(box: Any, draw: random.Random) -> Any:
    """A text; for a box of numbers, which the browser keeps within its bounds, one of those."""
    if not isinstance(box, NumberInput):
        return draw.choice(HOSTILE)
    whole = isinstance(box.value, int)
    low = box.proto.min if box.proto.has_min else -1e308
    high = box.proto.max if box.proto.has_max else 1e308
    value = draw.choice((low, high, max(low, -0.0), min(high, max(low, 5e-324))))
    return int(value) if whole else value

"""The page of an experiment of one's own: its form, its runs, its errors."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from mlcore.cli import main
from mlcore.experiments import config_class
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.recorder import execute
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.store import Store
from mlcore.ui import navigation
from tests.experiments.made import HALVING, NESTED, write
from tests.pages.conftest import Open, captions

TYPED = HALVING.replace(
    "    k: float = 8.0\n",
    """    k: float = 8.0
    colour: Colour = Colour.RED
    size: Literal[8, 16] = 8
    count: int | None = None
    file: Path = Path("a.csv")
    rates: tuple[float, ...] = (0.1, 1.0)
    on: bool = False
""",
).replace(
    "from typing import ClassVar\n",
    """from enum import Enum
from pathlib import Path
from typing import ClassVar, Literal

class Colour(Enum):
    RED = "r"
    BLUE = "b"
""",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with two experiments."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    write(tmp_path, HALVING.replace('"halving"', '"other"'), "other")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "experiments"]:
        del sys.modules[name]


def opened(open_page: Open, name: str, **params: str) -> AppTest:
    at = open_page()
    at._page_hash = calc_hash(navigation.own_paths()[name])
    at.query_params.update(params)
    at.run()
    assert not at.exception
    return at


def trained(store: Store) -> None:
    claim = take(store, ProcessId.of())
    assert claim is not None
    execute(claim)


@pytest.mark.usefixtures("empty_store")
def test_the_form_has_a_widget_for_each_type_and_is_shown_as_code(
    open_page: Open, folder: Path
) -> None:
    write(folder, TYPED)
    at = opened(open_page, "halving", colour="b", rates="2, 3", count="4")
    assert at.title[0].value == "halving"
    assert at.selectbox(key="own.halving.colour").value == "b"
    assert at.text_input(key="own.halving.count").value == "4"
    at.selectbox(key="own.halving.size").set_value("16")
    at.toggle(key="own.halving.on").set_value(True)
    at.text_input(key="own.halving.file").set_value("/x y.csv").run()
    python, command = (block.value for block in at.code[:2])
    assert python.endswith(
        "Halving(colour='b', size=16, count=4, file='/x y.csv', rates=(2.0, 3.0), on=True))"
    )
    assert "from experiments.halving import Halving" in python
    assert command == (
        "mlcore run halving --colour b --size 16 --count 4 --file '/x y.csv' --rates 2.0,3.0 --on"
    )
    at.text_input(key="own.halving.rates").set_value("two").run()
    assert "rates is 'two', but must be numbers." in [error.value for error in at.error]
    assert at.button(key="own page.halving.start").disabled


def test_edit_save_start_runs_the_new_code_and_marks_the_old_run(
    open_page: Open, folder: Path, empty_store: Store
) -> None:
    at = opened(open_page, "halving")
    at.button(key="own.halving.preset.large").click().run()
    at.button(key="own page.halving.start").click().run()
    trained(empty_store)
    write(folder, HALVING.replace("2**i", "4**i"))
    at.button(key="own page.halving.start").click().run()
    trained(empty_store)
    at.run()
    assert not at.exception
    new, old = empty_store.list()
    assert (old.latest(), new.latest()) == ({"loss": 16.0}, {"loss": 4.0})
    assert (old.code_changed(), new.code_changed()) == (True, False)
    said = "\n".join(block.value for block in at.markdown)
    assert said.count("code changed since") == 1
    at.button(key="own page.halving.start").click().run()
    assert len(empty_store.list()) == 2
    assert "cached" in "\n".join(block.value for block in at.markdown)


@pytest.mark.usefixtures("empty_store")
def test_an_import_error_is_told_on_its_page_alone(open_page: Open, folder: Path) -> None:
    write(folder, HALVING + "\ndef f():\n    return 1 / 0\n\nf()\n")
    at = opened(open_page, "halving")
    assert r"ZeroDivisionError\: division by zero" in at.error[0].value
    assert at.code[0].value.rstrip().endswith("ZeroDivisionError: division by zero")
    assert not at.toggle
    other = opened(open_page, "other")
    assert not other.error
    assert other.button(key="own page.other.start").label == "Start"
    write(folder, HALVING)
    at.button(key="own.halving.again").click().run()
    assert not at.error
    assert not at.button(key="own page.halving.start").disabled


@pytest.mark.usefixtures("empty_store")
def test_a_broken_file_keeps_its_name_and_one_without_default_says_so(
    open_page: Open, folder: Path
) -> None:
    file = write(folder, HALVING.replace('"halving"', '"half of it"'))
    assert "half of it" in navigation.own_paths()
    file.write_text("class Halving(")
    at = opened(open_page, "half of it")
    assert "SyntaxError" in at.error[0].value
    typed = HALVING.replace("k: float = 8.0", "k: dict[str, int] = {}")
    write(folder, typed.replace('"halving"', '"typed"'), "typed")
    at = opened(open_page, "typed")
    assert "The field k has the type dict" in at.error[0].value


def test_a_sweep_of_it_is_started_by_its_form(open_page: Open, empty_store: Store) -> None:
    at = open_page("pages/sweeps.py", experiment="halving")
    assert "K" in captions(at)
    at.button(key="sweeps.start").click().run()
    assert not at.exception
    assert {run.experiment for run in empty_store.list()} == {"halving"}
    assert len(empty_store.list()) == 12
    config = config_class("halving")()
    assert all(run.code == config.code_hash() for run in empty_store.list())


@pytest.mark.usefixtures("empty_store")
def test_a_model_in_the_config_is_a_group_with_a_switch_where_it_may_be_none(
    open_page: Open, folder: Path
) -> None:
    write(folder, NESTED, "descent")
    at = opened(open_page, "descent", **{"optimizer.lr": "0.2", "clip": "0.5"})
    assert [one.label for one in at.expander][:2] == ["Settings", "Optimizer"]
    lr = at.text_input(key="own.descent.optimizer.lr")
    assert (lr.label, lr.value) == ("Lr, exactly", "0.2")
    at.session_state["own.descent.group.Optimizer · Decay"] = True
    at.run()
    switch = at.toggle(key="own.descent.optimizer.decay")
    assert (switch.label, switch.value) == ("Optimizer decay", False)
    assert "own.descent.optimizer.decay.after" not in at.session_state
    switch.set_value(True).run()
    at.text_input(key="own.descent.optimizer.decay.after").set_value("2").run()
    assert not at.exception
    python, command = (block.value for block in at.code[:2])
    assert python.endswith("Descent(clip=0.5, optimizer=Optimizer(lr=0.2, decay=Decay(after=2))))")
    assert "from experiments.descent import Decay, Descent, Optimizer" in python
    assert command == (
        "mlcore run descent --clip 0.5 --optimizer.lr 0.2 --optimizer.decay "
        "--optimizer.decay.after 2"
    )
    assert at.query_params["optimizer.decay.after"] == "2"
    at.text_input(key="own.descent.optimizer.decay.after").set_value("20").run()
    assert "optimizer.decay.after is 20, but must be a whole number from 0 to 9." in [
        error.value for error in at.error
    ]
    at.button(key="own.descent.preset.decayed").click().run()
    assert not at.error
    assert at.text_input(key="own.descent.optimizer.lr").value == "0.5"
    at.text_input(key="own.descent.clip").set_value("").run()
    assert "clip" not in at.query_params


def test_a_sweep_form_varies_a_field_of_a_model(
    open_page: Open, folder: Path, empty_store: Store
) -> None:
    write(folder, NESTED, "descent")
    ranges = {"range.optimizer.decay": "true,false", "range.optimizer.decay.gamma": "0.25,0.5"}
    at = open_page("pages/sweeps.py", experiment="descent", **ranges)
    assert not at.exception
    assert not at.error
    assert "Optimizer decay gamma 0.25, 0.5" in captions(at)
    at.button(key="sweeps.start").click().run()
    assert not at.exception
    fields = [run.config_fields for run in empty_store.list()]
    assert sorted(str(one.get("optimizer.decay.gamma")) for one in fields) == [
        "0.25",
        "0.5",
        "None",
    ]
    for _ in fields:
        trained(empty_store)
    at.run()
    assert not at.exception


@pytest.mark.usefixtures("empty_store")
def test_fields_may_be_called_like_the_parts_of_the_page(open_page: Open, folder: Path) -> None:
    names = ("start", "code", "top", "live", "url", "afresh", "ranges", "name")
    typed = "".join(f"    {name}: float = 1.0\n" for name in names)
    write(folder, HALVING.replace("    steps: int = 2\n", f"    steps: int = 2\n{typed}"))
    at = opened(open_page, "halving", start="2")
    assert "--start 2.0" in at.code[1].value
    at = open_page("pages/sweeps.py", experiment="halving")
    assert not at.exception


def test_a_newcomer_sees_the_layers_of_the_network_of_the_example(
    open_page: Open, empty_store: Store
) -> None:
    assert main(["new", "spiral"]) == 0
    assert main(["run", "spiral", "--steps", "10"]) == 0
    (run,) = empty_store.list()
    at = open_page("pages/runs.py")
    at.session_state["runs.model"] = True
    at.session_state["runs.chosen"] = [run.id]
    at.run()
    assert not at.exception
    assert "Model" in [part.label for part in at.expander]
    layers = next(table.value for table in at.dataframe if "Parameters" in table.value)
    assert list(layers["Type"]) == ["Sequential", "Linear", "Tanh", "Linear", "Tanh", "Linear"]
    assert layers["Parameters"].sum() == sum(p.numel() for p in run.model().parameters())

"""Results in a notebook: what a kernel sends for each cell; elsewhere nothing is loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import nbformat
import pytest
import vl_convert
from nbclient import NotebookClient
from traitlets.config import Config

from mlcore.notebook import pictures

VEGA: Final = pictures.MIME
ROOT: Final = Path(__file__).parents[2]
SHOWN: Final = ("display_data", "update_display_data", "execute_result", "error", "stream")

CELLS: Final[Mapping[str, str]] = {
    "import": """
        import sys, warnings
        warnings.simplefilter("error")
        import mlcore
        heavy = ("altair", "pandas", "torch", "mlcore.notebook.live", "mlcore.notebook.views")
        print([name for name in heavy if name in sys.modules])
    """,
    "run": """
        config = mlcore.RegressionConfig(steps=200)
        mlcore.run(config)
    """,
    "cached": "run = mlcore.run(config)",
    "shown": "run",
    "off": "slow = mlcore.run(config.replace(lr=1e-5), progress=False)",
    "loop": """
        import time
        end = time.monotonic() + 1.4
        with mlcore.start_run("<b>loop</b>", {"path": "<script>"}) as logged:
            while time.monotonic() < end:
                logged.log({"loss": 0.5, "accuracy": 0.5})
                time.sleep(0.001)
    """,
    "active": "logged",
    "list": "[run, slow]",
    "numbers": "[1, 2], [], ()",
    "compare": 'mlcore.runs.compare([run, slow], metric="loss")',
    "sweep": 'mlcore.sweep(config, {"lr": [1e-5, 1e-4]})',
    "many": """
        for seed in range(1, 8):
            mlcore.run(config.replace(steps=2, seed=seed))
    """,
    "interrupted": """
        from tests.runs.toy import ToyConfig
        mlcore.run(ToyConfig(steps=100_000, delay=0.001))
    """,
    "interrupted loop": """
        with mlcore.start_run("endless") as endless:
            while True:
                endless.log({"loss": 0.5})
                time.sleep(0.01)
    """,
    "after": """
        print(mlcore.get_run(endless.id).status)
        warnings.simplefilter("default")  # the kernel itself warns when it ends
    """,
}


@dataclass
class Cell:
    """What a cell sent, as messages in order, and its outputs as a notebook keeps them."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def ids(self) -> list[tuple[str, str]]:
        """Kind and display id of each message that shows something."""
        return [
            (kind, content["transient"].get("display_id", ""))
            for kind, content in self.sent
            if kind.endswith("display_data")
        ]

    def mimes(self) -> list[set[str]]:
        """The MIME types of each output that is kept."""
        return [set(output.get("data", {output["output_type"]: 0})) for output in self.outputs]


class Client(NotebookClient):
    """Keeps all messages; interrupts the kernel once an endless cell has drawn its first curve."""

    cells: dict[int, Cell]
    endless: set[str]

    def process_message(self, msg: dict[str, Any], cell: Any, index: int) -> Any:
        """Handle a message from the kernel."""
        kind, content = msg["msg_type"], msg["content"]
        if kind in SHOWN:
            self.cells.setdefault(index, Cell()).sent.append((kind, content))
        endless = cell.metadata["name"] in self.endless
        if endless and VEGA in content.get("data", {}):
            self.endless.discard(cell.metadata["name"])
            kernel: Any = self.km
            os.kill(kernel.provisioner.pid, signal.SIGINT)
        return super().process_message(msg, cell, index)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Cell]:
    """All cells, executed in one kernel with a store of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    v4: Any = nbformat.v4
    book = v4.new_notebook(
        cells=[
            v4.new_code_cell(dedent(source).strip(), metadata={"name": name})
            for name, source in CELLS.items()
        ]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", str(folder / "runs.db"))
        patch.setenv("MLCORE_WORKERS", "0")
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
        client = Client(
            book,
            timeout=60,
            allow_errors=True,
            resources={"metadata": {"path": str(ROOT)}},
            config=Config({"KernelManager": {"transport": "ipc"}}),
        )
        client.cells, client.endless = {}, {"interrupted", "interrupted loop"}
        client.execute()
    nbformat.validate(book)
    found = {name: client.cells.get(place, Cell()) for place, name in enumerate(CELLS)}
    for cell, kept in zip(found.values(), book.cells, strict=True):
        cell.outputs = kept.outputs
    return found


def test_nothing_is_said_on_stderr_and_only_an_interrupted_cell_has_an_error(
    cells: Mapping[str, Cell],
) -> None:
    for name, cell in cells.items():
        streams = {content["name"] for kind, content in cell.sent if kind == "stream"}
        errors = [content["ename"] for kind, content in cell.sent if kind == "error"]
        assert streams <= {"stdout"}, name
        assert errors == (["KeyboardInterrupt"] if "interrupted" in name else []), name


def test_importing_mlcore_in_a_kernel_loads_nothing_heavy(cells: Mapping[str, Cell]) -> None:
    assert cells["import"].outputs[0]["text"] == "[]\n"


def test_a_run_draws_its_curve_in_one_display_which_is_not_drawn_again_below(
    cells: Mapping[str, Cell],
) -> None:
    (begun, live), *updates, (shown, none) = cells["run"].ids()
    assert (begun, shown, none) == ("display_data", "display_data", "")
    assert updates
    assert set(updates) == {("update_display_data", live)}
    assert cells["run"].mimes() == [
        {VEGA, "image/png", "text/plain"},
        {"text/html", "text/plain"},
    ]
    plain = cells["run"].outputs[0]["data"]["text/plain"]
    assert "finished" in plain
    assert "100%" in plain
    assert "200/200" in plain


def test_a_cached_run_and_one_without_progress_show_nothing_while_they_go_on(
    cells: Mapping[str, Cell],
) -> None:
    assert cells["cached"].sent == cells["off"].sent == []


def test_a_run_shows_its_facts_and_then_its_curve(cells: Mapping[str, Cell]) -> None:
    assert cells["shown"].mimes() == [
        {"text/html", "text/plain"},
        {VEGA, "image/png", "text/plain"},
    ]
    assert ">lr<" in cells["shown"].outputs[0]["data"]["text/html"]


def test_a_loop_is_drawn_about_twice_a_second(cells: Mapping[str, Cell]) -> None:
    (begun, live), *updates = cells["loop"].ids()
    assert begun == "display_data"
    assert set(updates) == {("update_display_data", live)}
    assert 2 <= len(updates) <= 5, "1.4 s, and the end"
    assert cells["loop"].mimes() == [{VEGA, "image/png", "text/plain"}]
    spec = cells["loop"].outputs[0]["data"][VEGA]
    assert [view["title"] for view in spec["hconcat"]] == ["loss", "accuracy"]
    assert all(len(view["data"]["values"]) < 1500 for view in spec["hconcat"]), "thinned"


def test_text_is_escaped_and_an_active_run_shows_itself_as_the_store_has_it(
    cells: Mapping[str, Cell],
) -> None:
    html = cells["active"].outputs[0]["data"]["text/html"]
    assert "&lt;b&gt;loop&lt;/b&gt;" in html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert VEGA in cells["active"].mimes()[1]


def test_lists_of_runs_and_no_others_are_a_table_and_a_chart(cells: Mapping[str, Cell]) -> None:
    assert cells["list"].mimes() == [
        {"text/html", "text/plain"},
        {VEGA, "image/png", "text/plain"},
    ]
    assert cells["list"].outputs[1]["data"]["text/plain"].startswith("2 runs: ")
    assert cells["numbers"].outputs[0]["data"] == {"text/plain": "([1, 2], [], ())"}


def test_comparisons_and_sweeps_are_tables_and_one_chart(cells: Mapping[str, Cell]) -> None:
    for name in ("compare", "sweep"):
        tables = cells[name].mimes()
        assert tables.pop() == {VEGA, "image/png", "text/plain"}, name
        assert tables == [{"text/html", "text/plain"}] * 2, name
    assert "finished" in cells["sweep"].outputs[0]["data"]["text/html"]


def test_a_cell_has_five_live_charts_at_most_and_bars_for_further_runs(
    cells: Mapping[str, Cell],
) -> None:
    charts = [VEGA in mimes for mimes in cells["many"].mimes()]
    assert charts == [True] * 5 + [False] * 2
    assert all("text/html" in mimes for mimes in cells["many"].mimes()[5:])


def test_an_interrupt_stops_the_run_and_leaves_its_curve(cells: Mapping[str, Cell]) -> None:
    for name in ("interrupted", "interrupted loop"):
        assert cells[name].mimes() == [{VEGA, "image/png", "text/plain"}, {"error"}], name
        assert "stopped" in cells[name].outputs[0]["data"]["text/plain"], name
    assert cells["after"].outputs[0]["text"] == "stopped\n"


def test_specs_are_of_the_version_that_their_mime_type_names(cells: Mapping[str, Cell]) -> None:
    for name in ("run", "list", "compare", "sweep"):
        spec = next(o["data"][VEGA] for o in cells[name].outputs if VEGA in o.get("data", {}))
        assert "v5" in spec["$schema"]
        assert vl_convert.vegalite_to_svg(spec, vl_version="5.20").count("<path") > 2, name
        json.dumps(spec, allow_nan=False)


def test_outside_of_a_notebook_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys, IPython, mlcore; from mlcore.core.hooks import live_view; "
        "assert live_view(lambda: 1) is None; print([n for n in sys.modules if 'notebook' in n])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "['mlcore.notebook', 'mlcore.notebook.hook']"

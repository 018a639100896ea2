"""The pages on layers in a simulated browser: tabs, refusals, settings in the URL."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import mlcore
from mlcore import MNISTConfig
from mlcore.runs import Status, Store
from tests.pages.conftest import Open

pytestmark = pytest.mark.usefixtures("one_thread")

TABS = {
    "normalization": [
        "Tensor",
        "Before and after",
        "Same or not",
        "Train and eval",
        "What you gain",
    ],
    "activations": ["Functions", "Chain", "Dead units", "Losses"],
    "convolution": [""],
    "initialization": ["Signals", "Train them"],
}
EVERY_TAB = [(page, tab) for page, tabs in TABS.items() for tab in tabs]


def said(at: AppTest) -> str:
    """All words on the page."""
    kinds = (at.error, at.markdown, at.caption, at.latex, at.info)
    return " ".join(str(element.value) for elements in kinds for element in elements)


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(("page", "tab"), EVERY_TAB, ids=lambda part: part or "whole")
def test_every_tab_opens_with_something_to_see_and_no_error(
    page: str, tab: str, open_page: Open
) -> None:
    at = open_page(f"pages/{page}.py", **({"tab": tab} if tab else {}))

    assert not at.error
    assert at.get("vega_lite_chart") or at.get("bidi_component") or at.button
    assert not at.toast  # no task is solved by opening a tab


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize("kind", ["BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm", "RMSNorm"])
def test_every_norm_agrees_with_its_formula_on_the_page(kind: str, open_page: Open) -> None:
    at = open_page("pages/normalization.py", norm=kind)

    assert at.radio(key="norm").value == kind.removesuffix("Norm").lower()
    assert "they agree" in said(at)
    assert "they differ" not in said(at)


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(
    ("page", "params", "torchs_words", "mend"),
    [
        (
            "normalization",
            {"n": "1", "h": "1", "w": "1"},
            "Expected more than 1 value per channel when training",
            "switch to eval",
        ),
        (
            "normalization",
            {"norm": "GroupNorm", "groups": "3"},
            "num_channels (4) must be divisible by num_groups (3)",
            "divides the channels",
        ),
        (
            "normalization",
            {"norm": "InstanceNorm", "h": "1", "w": "1"},
            "Expected more than 1 spatial element",
            "more than one pixel",
        ),
        (
            "normalization",
            {"tab": "Train and eval", "batch": "1", "side": "1"},
            "Expected more than 1 value per channel",
            "switch to eval",
        ),
        (
            "convolution",
            {"size": "7", "dilation": "6", "padding": "0"},
            "Kernel size can't be greater than actual input size",
            "smaller kernel",
        ),
        (
            "convolution",
            {"groups": "2"},
            "in_channels must be divisible by groups",
            "divide both",
        ),
        (
            "convolution",
            {"stride": "5", "pooling": "max", "pool": "8"},
            "Output size is too small",
            "smaller pooling window",
        ),
    ],
)
def test_what_torch_refuses_is_shown_in_its_own_words_with_reason_and_mend(
    page: str, params: dict[str, str], torchs_words: str, mend: str, open_page: Open
) -> None:
    at = open_page(f"pages/{page}.py", **params)

    assert len(at.error) == 1
    assert torchs_words in at.error[0].value.replace("\\", "")
    assert mend in said(at)


HOSTILE = ("inf", "nan", "1e400", "-0", "abc", "x" * 10_000, "")
PARAMETERS = {
    ("normalization", "Tensor"): "norm mode groups n c h w numbers eps affine gamma beta",
    ("normalization", "Before and after"): "by",
    ("normalization", "Same or not"): "changed amount",
    ("normalization", "Train and eval"): "momentum batch batches side grow shift channel",
    ("normalization", "What you gain"): "network rates batches activation seed with_batch",
    ("activations", "Functions"): "x sigmoid tanh",
    ("activations", "Chain"): "layers weight input relu",
    ("activations", "Dead units"): "shift scale tolerance",
    ("activations", "Losses"): "label z0 z3 temperature",
    ("convolution", ""): (
        "digit preset size kernel stride padding dilation inputs outputs groups pooling pool"
    ),
    ("initialization", "Signals"): "depth width activation kaiming scale seed of what",
    ("initialization", "Train them"): "lr",
}
"""The parameters of each page and tab that a link may set."""


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(("page", "tab"), PARAMETERS)
def test_a_parameter_that_makes_no_sense_leaves_the_page_alive_with_what_it_showed(
    page: str, tab: str, open_page: Open
) -> None:
    told = {"tab": tab} if tab else {}
    names = PARAMETERS[page, tab].split()
    plain = open_page(f"pages/{page}.py", **told)
    rules = {"norm": "GroupNorm", "affine": "true", "pooling": "max"}

    for number, value in enumerate(HOSTILE):
        # all at once, but those on which others depend: one page for seven values, not for seventy
        hostile = dict.fromkeys(names, value)
        if number % 2:
            hostile |= {name: rules[name] for name in names if name in rules}
        at = open_page(f"pages/{page}.py", **told, **hostile)
        assert not at.exception
        if not number % 2 and value:
            assert [code.value for code in at.code] == [code.value for code in plain.code]
        sentences = [error.value for error in at.error]
        assert all("in the URL" in sentence for sentence in sentences), sentences


@pytest.mark.usefixtures("empty_store")
def test_rms_norm_shows_its_mean_square_and_no_mean(open_page: Open) -> None:
    at = open_page("pages/normalization.py", norm="RMSNorm", affine="true")

    assert "subtracts no mean" in said(at)
    assert r"\overline{x^2}" in said(at)
    assert r"\mu" not in " ".join(latex.value for latex in at.latex)
    assert "result.mean_square, result.divisor" in at.code[0].value
    assert "result.mean," not in at.code[0].value


@pytest.mark.usefixtures("empty_store")
def test_modules_that_give_the_same_output_here_are_not_said_to_differ_here(
    open_page: Open,
) -> None:
    at = open_page("pages/normalization.py", tab="Same or not", numbers="Equal")

    table = next(m.value for m in at.markdown if "max|Δ|" in m.value.replace("\\", ""))
    rows = [row for row in table.splitlines()[2:] if row.startswith("|")]
    assert len(rows) == 7
    for row in rows:
        assert ("**≠**" in row) == ("| 0 |" not in row), row
    assert "For this tensor the outputs happen to be the same" in table


@pytest.mark.usefixtures("empty_store")
def test_the_formula_of_the_output_size_says_what_it_gives_where_the_kernel_does_not_fit(
    open_page: Open,
) -> None:
    at = open_page("pages/convolution.py", size="7", dilation="6", padding="0", stride="5")

    size = next(latex.value for latex in at.latex if "lfloor" in latex.value)
    assert r"+1=-1\\ &\Rightarrow" in size  # ⌊(28 − 36 − 1)/5⌋ + 1 = ⌊−9/5⌋ + 1


@pytest.mark.usefixtures("empty_store")
def test_the_size_of_ones_own_kernel_can_be_changed(open_page: Open) -> None:
    at = open_page("pages/convolution.py", preset="my own", kernel="0,1;2,0")
    assert at.slider(key="size").value == 2

    at.slider(key="size").set_value(3).run()

    assert not at.exception
    assert "[[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]" in at.code[0].value


@pytest.mark.usefixtures("empty_store")
def test_an_older_link_to_a_renamed_tab_still_opens_it(open_page: Open) -> None:
    at = open_page("pages/normalization.py", tab="What it buys")

    assert any(button.label == "Train 16 networks" for button in at.button)


@pytest.mark.usefixtures("empty_store")
def test_initialization_says_what_to_conclude_and_when_values_are_clamped(open_page: Open) -> None:
    at = open_page("pages/initialization.py")
    assert "**Kaiming** keeps activations and gradients within a factor of 10" in said(at)
    assert "drawn there" not in str([chart.proto.spec for chart in at.get("vega_lite_chart")])

    at = open_page("pages/initialization.py", zeros="true")
    assert "**Zeros** passes neither activations nor gradients through" in said(at)
    assert "drawn there" in str([chart.proto.spec for chart in at.get("vega_lite_chart")])


@pytest.mark.usefixtures("empty_store")
def test_equal_cells_have_variance_zero_and_come_out_as_zero(open_page: Open) -> None:
    at = open_page("pages/normalization.py", numbers="Equal")

    assert not at.error
    assert r"\sqrt{0+1.000\cdot 10^{-5}}" in said(at)
    assert "they agree" in said(at)


@pytest.mark.usefixtures("empty_store")
def test_eval_mode_mends_a_batch_of_one(open_page: Open) -> None:
    at = open_page("pages/normalization.py", n="1", h="1", w="1")
    assert at.error

    at = open_page("pages/normalization.py", n="1", h="1", w="1", mode="eval")

    assert not at.error
    assert "they agree" in said(at)


@pytest.mark.usefixtures("empty_store")
def test_a_link_brings_every_setting_back(open_page: Open) -> None:
    at = open_page(
        "pages/normalization.py", c="6", norm="GroupNorm", groups="3", eps="0.1", affine="true"
    )

    assert at.slider(key="c").value == 6
    assert at.radio(key="norm").value == "group"
    assert at.slider(key="groups").value == 3
    assert at.select_slider(key="eps").value == 0.1
    assert at.toggle(key="affine").value


@pytest.mark.usefixtures("empty_store")
def test_a_kernel_in_the_url_is_the_kernel_on_the_page(open_page: Open) -> None:
    at = open_page("pages/convolution.py", preset="my own", kernel="0,1;2,0")

    assert "[[0.0, 1.0], [2.0, 0.0]]" in at.code[0].value


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize("kernel", ["", "1,2", "a", "1;2", "nan", "1e7", "9" * 400, "1" * 10_000])
def test_a_kernel_that_makes_no_sense_becomes_the_identity_and_a_sentence_says_so(
    kernel: str, open_page: Open
) -> None:
    at = open_page("pages/convolution.py", preset="my own", kernel=kernel)

    assert len(at.error) == (kernel != "")
    assert all("it must be 1 to 11 rows" in error.value for error in at.error)
    assert "[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]" in at.code[0].value


@pytest.mark.usefixtures("empty_store")
def test_a_confident_mistake_is_said_to_be_flat_for_squared_distance(open_page: Open) -> None:
    at = open_page("pages/activations.py", tab="Losses", z0="-6.0", z1="8.0")

    assert "flat where the network is confidently wrong" in at.warning[0].value


def test_one_click_submits_every_chosen_network_once(empty_store: Store, open_page: Open) -> None:
    at = open_page("pages/normalization.py", tab="What you gain")

    next(button for button in at.button if button.label == "Train 16 networks").click().run()

    runs = empty_store.list()
    assert not at.exception
    assert len(runs) == 16
    assert {run.status for run in runs} == {Status.QUEUED}
    assert {run.config_fields["normalization"] for run in runs} == {"none", "batch", "layer", "rms"}
    assert any(button.label == "All 16 started" and button.disabled for button in at.button)


def test_initialization_trains_the_networks_whose_signals_it_shows(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page("pages/initialization.py", tab="Train them", depth="12", width="24")

    next(button for button in at.button if button.label.startswith("Train")).click().run()

    assert not at.exception
    assert {run.config_fields["initialization"] for run in empty_store.list()} == {
        "default",
        "normal",
        "xavier",
        "kaiming",
    }
    assert {len(run.config_fields["hidden"]) for run in empty_store.list()} == {12}


@pytest.mark.usefixtures("empty_store")
@pytest.mark.parametrize(
    ("page", "params"),
    [
        ("normalization", {"norm": "GroupNorm", "affine": "true"}),
        ("normalization", {"numbers": "Random", "mode": "eval"}),
        ("normalization", {"numbers": "Equal", "eps": "0.1"}),
        ("activations", {}),
        ("activations", {"tab": "Chain"}),
        ("activations", {"tab": "Dead units"}),
        ("activations", {"tab": "Losses"}),
        ("convolution", {"inputs": "2", "outputs": "2", "groups": "2"}),
        ("initialization", {"depth": "3", "width": "8"}),
    ],
)
def test_the_python_beside_the_picture_runs(
    page: str, params: dict[str, str], open_page: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    at = open_page(f"pages/{page}.py", **params)

    exec(at.code[0].value, {})  # noqa: S102 - the page's own text, written by this project

    assert capsys.readouterr().out


@pytest.mark.usefixtures("empty_store")
def test_without_a_trained_kernel_one_click_trains_one(empty_store: Store, open_page: Open) -> None:
    at = open_page("pages/convolution.py", preset="trained")

    at.button(key="conv.train").click().run()

    assert not at.exception
    assert [run.config_fields["model"] for run in empty_store.list()] == ["cnn"]
    assert not [button for button in at.button if button.key == "conv.train"]


def test_a_trained_kernel_is_that_of_the_run(empty_store: Store, open_page: Open) -> None:
    run = mlcore.run(
        MNISTConfig(
            model="cnn",
            channels=(2,),
            kernels=(3,),
            dense=0,
            loss="cross_entropy",
            train_size=64,
            batch_size=64,
            epochs=1,
        ),
        progress=False,
    )
    weight = run.model().get_parameter("convolution1.weight")[1, 0]

    at = open_page("pages/convolution.py", preset="trained", run=run.id, channel="1")

    assert empty_store.list()
    assert str([[round(v, 5) for v in row] for row in weight.double().tolist()]) in at.code[0].value

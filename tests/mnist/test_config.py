"""The fields' rules, and what a config says before torch is loaded."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.core import ConfigError
from mlcore.mnist.config import MNISTConfig, image_sides


def test_defaults_are_the_courses_network_and_recipe() -> None:
    config = MNISTConfig()

    assert (config.model, config.hidden, config.activation) == ("mlp", (256, 64), "relu")
    assert (config.loss, config.optimizer, config.lr, config.momentum) == ("mse", "sgd", 0.01, 0.9)
    assert (config.batch_size, config.epochs, config.steps_per_epoch()) == (512, 3, 118)
    assert MNISTConfig.presets["course"] == config


@pytest.mark.parametrize("name", ["course", "linear baseline", "MLP, cross-entropy", "99 % CNN"])
def test_presets_survive_json_and_have_fingerprints_of_their_own(name: str) -> None:
    preset = MNISTConfig.presets[name]

    assert MNISTConfig.from_json(preset.to_json()) == preset
    assert [p.fingerprint() for p in MNISTConfig.presets.values()].count(preset.fingerprint()) == 1


def test_the_form_can_be_drawn_before_torch_is_loaded() -> None:
    code = (
        "import sys\n"
        "from mlcore.mnist.config import MNISTConfig\n"
        "MNISTConfig.specs(), MNISTConfig().fingerprint(), MNISTConfig().steps_per_epoch()\n"
        "assert not {'torch', 'torchvision', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"lr": -1.0}, "lr", "lr is -1.0, but must be a number above 0 and up to 10."),
        ({"lr": float("nan")}, "lr", "lr is nan, but must be a number above 0 and up to 10."),
        ({"batch_size": 0}, "batch_size", "batch_size is 0, but must be a whole number from 1"),
        ({"hidden": ()}, "hidden", "hidden is (), but must be 1 to 32 whole numbers from 1"),
        ({"hidden": (0,)}, "hidden", "hidden is 0, but must be 1 to 32 whole numbers from 1"),
        ({"epochs": 10**9}, "epochs", "epochs is 1000000000, but must be a whole number from 1"),
        ({"loss": "hinge"}, "loss", "loss is 'hinge', but must be one of mse, cross_entropy."),
        ({"dataset": "folder"}, "data_dir", "dataset=folder needs the folder of IDX files."),
        ({"dataset": "folder", "data_dir": "a\0b"}, "data_dir", "which is no folder's path"),
        ({"dataset": "folder", "data_dir": "~nobody-here/x"}, "data_dir", "no folder's path"),
        ({"train_size": 60_001}, "train_size", "MNIST has 60000 images to learn from"),
        ({"channels": (8, 8, 8)}, "kernels", "give one size a convolution."),
        ({"channels": (8,) * 3, "kernels": (7,) * 3}, "kernels", "leaves nothing of 28×28 pixels"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov", "needs momentum above 0."),
        ({"normalization": "batch", "batch_size": 1}, "batch_size", "needs at least two"),
        ({"normalization": "batch", "train_size": 1}, "batch_size", "needs at least two"),
        (
            {
                "model": "cnn",
                "normalization": "instance",
                "channels": (4,) * 3,
                "kernels": (3,) * 3,
            },
            "normalization",
            "the last convolution leaves one",
        ),
    ],
)
def test_what_is_refused_is_said_in_a_sentence_at_its_field(
    fields: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        MNISTConfig.from_dict(fields)

    assert list(refused.value.problems) == [field]
    assert sentence in refused.value.problems[field]


@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    st.sampled_from([1, 2]),
)
def test_image_sides_are_those_that_the_network_makes(
    kernels: tuple[int, ...], stride: int
) -> None:
    from torch import nn, zeros

    try:
        config = MNISTConfig(
            model="cnn", channels=(2,) * len(kernels), kernels=kernels, stride=stride, dense=0
        )
    except ConfigError:
        assert min(image_sides(kernels, stride=1)) < 1
        return
    layers = dict(config.build_model().named_children())
    names = list(layers)
    before = nn.Sequential(*(layers[name] for name in names[: names.index("flatten")]))

    assert before(zeros(1, 28, 28)).shape[-1] == image_sides(kernels, stride)[-1]


@given(
    st.sampled_from(["mlp", "cnn"]),
    st.sampled_from(["none", "batch", "layer", "group", "instance", "rms"]),
    st.integers(1, 20),
    st.integers(0, 20),
    st.integers(1, 3),
)
def test_every_network_that_is_not_refused_can_learn_from_two_images_and_keeps_its_values(
    model: str, normalization: str, width: int, dense: int, convolutions: int
) -> None:
    from torch import rand

    try:
        config = MNISTConfig().replace(
            model=model,
            normalization=normalization,
            hidden=(width,),
            channels=(width,) * convolutions,
            kernels=(3,) * convolutions,
            dense=dense,
        )
    except ConfigError:
        return
    outputs = config.build_model()(rand(2, 28, 28))

    outputs.sum().backward()
    assert outputs.isfinite().all()


def test_a_last_batch_of_one_image_is_left_out_under_batch_normalization_only() -> None:
    sizes = {"train_size": 513, "batch_size": 512}

    assert MNISTConfig.from_dict(sizes).steps_per_epoch() == 2
    assert MNISTConfig.from_dict({**sizes, "normalization": "batch"}).steps_per_epoch() == 1


def test_a_folder_is_kept_as_an_absolute_path_and_only_where_it_is_read(tiny: str) -> None:
    assert (
        MNISTConfig(dataset="folder", data_dir=f"{tiny}/../{tiny.split('/')[-1]}").data_dir == tiny
    )


def test_a_folders_sizes_are_read_from_its_headers(tiny: str) -> None:
    config = MNISTConfig(dataset="folder", data_dir=tiny, batch_size=32)

    assert (config.num_train(), config.num_classes(), config.steps_per_epoch()) == (70, 3, 3)

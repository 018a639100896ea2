"""The fields of ``MNISTConfig`` with their bounds and help texts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlcore.core import Config
from mlcore.core.folds import fold_field, fold_seed_field, folds_field
from mlcore.layers.names import Scheme
from mlcore.mnist.data.sources import DatasetName

Width = Annotated[int, Field(ge=1, le=4096)]
Channels = Annotated[int, Field(ge=1, le=512)]
KernelSize = Annotated[int, Field(ge=1, le=7)]


class MNISTFields(Config):
    """The fields of ``MNISTConfig``; ``mlcore.mnist.config`` adds the rules between them."""

    # --- data -------------------------------------------------------------------------------

    dataset: DatasetName = Field(
        "mnist",
        title="Data set",
        description="Which images to train on; folder reads your own IDX files.",
        json_schema_extra={"group": "Data"},
    )
    data_dir: str = Field(
        "",
        title="Folder of IDX files",
        max_length=4096,
        description="The folder with train-images-idx3-ubyte and its three companion files.",
        json_schema_extra={"group": "Data", "only_if": {"dataset": ["folder"]}},
    )
    train_size: int = Field(
        60_000,
        title="Training images",
        ge=1,
        le=1_000_000,
        description="How many images to train on; fewer than all are drawn with the seed. All "
        "means those that validation leaves. With folds, how many to divide among them.",
        json_schema_extra={"group": "Data", "scale": "log"},
    )
    validation_size: int = Field(
        0,
        title="Validation images",
        ge=0,
        le=30_000,
        description="How many training images to hold out, drawn with the seed, each class by its "
        "share. While training they stand in for the test set; 0 for none.",
        json_schema_extra={"group": "Data", "later": True},
    )
    folds: int = folds_field("Data")
    fold: int = fold_field("Data")
    fold_seed: int = fold_seed_field("Data")
    augment: Literal["none", "shift", "affine"] = Field(
        "none",
        title="Augmentation",
        description=(
            "shift moves each image by up to 2 pixels; affine also rotates it by up to 10° and "
            "scales it by 0.9 to 1.1."
        ),
        json_schema_extra={"group": "Data"},
    )

    # --- network ----------------------------------------------------------------------------

    model: Literal["linear", "mlp", "cnn"] = Field(
        "mlp",
        title="Network",
        description="linear: one linear layer; mlp: several with activations between; cnn: "
        "convolutions first.",
        json_schema_extra={"group": "Network"},
    )
    hidden: tuple[Width, ...] = Field(
        (256, 64),
        title="Hidden layers",
        min_length=1,
        max_length=32,
        description="Width of each hidden layer, in units.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["mlp"]}},
    )
    channels: tuple[Channels, ...] = Field(
        (24, 32),
        title="Channels",
        min_length=1,
        max_length=4,
        description="Channels of each convolution; 2×2 max pooling follows it.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["cnn"]}},
    )
    kernels: tuple[KernelSize, ...] = Field(
        (5, 3),
        title="Kernel sizes",
        min_length=1,
        max_length=4,
        description="Side of each convolution's kernel, in pixels: one number per convolution.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["cnn"]}},
    )
    stride: int = Field(
        1,
        title="First stride",
        ge=1,
        le=2,
        description="Stride of the first convolution, in pixels: 1, or 2 instead of its pooling.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["cnn"]}},
    )
    dense: int = Field(
        256,
        title="Dense layer",
        ge=0,
        le=4096,
        description="Width of the hidden layer after the convolutions, in units; 0 for none.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["cnn"]}},
    )
    activation: Literal["relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid", "identity"] = (
        Field(
            "relu",
            title="Activation",
            description="The function after each hidden layer; with identity all layers together "
            "are one linear map.",
            json_schema_extra={"group": "Network", "only_if": {"model": ["mlp", "cnn"]}},
        )
    )
    normalization: Literal["none", "batch", "layer", "group", "instance", "rms"] = Field(
        "none",
        title="Normalization",
        description="Brings each hidden layer's output to mean 0 and variance 1 (rms: to a "
        "mean square of 1). instance averages over pixels, so it needs convolutions.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["mlp", "cnn"]}},
    )
    initialization: Scheme = Field(
        "default",
        title="Initialization",
        description="How the initial weights are drawn; all but PyTorch's default set biases to 0.",
        json_schema_extra={"group": "Network"},
    )
    init_scale: float = Field(
        0.01,
        title="Initial scale",
        ge=0.0,
        le=10.0,
        description="The standard deviation of normal weights, or the constant.",
        json_schema_extra={
            "group": "Network",
            "scale": "log",
            "only_if": {"initialization": ["constant", "normal"]},
        },
    )
    dropout: float = Field(
        0.0,
        title="Dropout",
        ge=0.0,
        le=0.95,
        description="Probability with which a dense hidden unit is set to 0 during training.",
        json_schema_extra={"group": "Network", "only_if": {"model": ["mlp", "cnn"]}},
    )

    # --- loss and optimizer -----------------------------------------------------------------

    loss: Literal["mse", "cross_entropy"] = Field(
        "mse",
        title="Loss",
        description="Mean squared error of the raw outputs against one-hot labels, or "
        "cross-entropy of their softmax.",
        json_schema_extra={"group": "Loss and optimizer"},
    )
    label_smoothing: float = Field(
        0.0,
        title="Label smoothing",
        ge=0.0,
        le=0.9,
        description="Share of each label that is spread evenly over all classes.",
        json_schema_extra={"group": "Loss and optimizer", "only_if": {"loss": ["cross_entropy"]}},
    )
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop"] = Field(
        "sgd",
        title="Optimizer",
        description="The rule that turns gradients into changes of the weights.",
        json_schema_extra={"group": "Loss and optimizer"},
    )
    lr: float = Field(
        0.01,
        title="Learning rate",
        gt=0.0,
        le=10.0,
        description="Step size per unit of gradient; with a schedule, its highest value.",
        json_schema_extra={"group": "Loss and optimizer", "scale": "log"},
    )
    momentum: float = Field(
        0.9,
        title="Momentum",
        ge=0.0,
        le=0.999,
        description="Share of the last step that is added to the next one.",
        json_schema_extra={
            "group": "Loss and optimizer",
            "only_if": {"optimizer": ["sgd", "rmsprop"]},
        },
    )
    nesterov: bool = Field(
        False,
        title="Nesterov",
        description="Look ahead: use the gradient at the point the momentum leads to.",
        json_schema_extra={"group": "Loss and optimizer", "only_if": {"optimizer": ["sgd"]}},
    )
    beta1: float = Field(
        0.9,
        title="β₁",
        ge=0.0,
        le=0.9999,
        description="Decay of Adam's running mean of the gradient.",
        json_schema_extra={
            "group": "Loss and optimizer",
            "only_if": {"optimizer": ["adam", "adamw"]},
        },
    )
    beta2: float = Field(
        0.999,
        title="β₂",
        ge=0.0,
        le=0.999999,
        description="Decay of Adam's running mean of the squared gradient.",
        json_schema_extra={
            "group": "Loss and optimizer",
            "only_if": {"optimizer": ["adam", "adamw"]},
        },
    )
    weight_decay: float = Field(
        0.0,
        title="Weight decay",
        ge=0.0,
        le=1.0,
        description="How much each step shrinks every weight, per unit of learning rate. adamw "
        "does so directly; the others add it to the gradient, as L2 does.",
        json_schema_extra={"group": "Loss and optimizer"},
    )
    l1: float = Field(
        0.0,
        title="L1 penalty",
        ge=0.0,
        le=1.0,
        description="Adds l1·Σ|w| over all weights (not biases) to the loss that is minimized: "
        "small weights become 0.",
        json_schema_extra={"group": "Loss and optimizer", "later": True},
    )
    l2: float = Field(
        0.0,
        title="L2 penalty",
        ge=0.0,
        le=1.0,
        description="Adds l2/2·Σw² over all weights (not biases) to the loss that is minimized. "
        "Adam rescales it, unlike the weight decay of adamw.",
        json_schema_extra={"group": "Loss and optimizer", "later": True},
    )

    # --- schedule ---------------------------------------------------------------------------

    epochs: int = Field(
        3,
        title="Epochs",
        ge=1,
        le=1000,
        description="How often to go through the training images.",
        json_schema_extra={"group": "Schedule", "scale": "log"},
    )
    batch_size: int = Field(
        512,
        title="Batch size",
        ge=1,
        le=65_536,
        description="Images per optimizer step; the last batch of an epoch may hold fewer.",
        json_schema_extra={"group": "Schedule", "scale": "powers_of_two"},
    )
    schedule: Literal["constant", "step", "cosine", "one_cycle", "plateau"] = Field(
        "constant",
        title="Schedule",
        description="How the learning rate changes over the run; plateau lowers it when the "
        "monitored validation metric no longer improves.",
        json_schema_extra={"group": "Schedule"},
    )
    warmup: float = Field(
        0.0,
        title="Warm-up",
        ge=0.0,
        le=0.9,
        description="Fraction of all steps in which the rate rises linearly to its full value.",
        json_schema_extra={
            "group": "Schedule",
            "only_if": {"schedule": ["constant", "step", "cosine", "plateau"]},
        },
    )
    peak: float = Field(
        0.3,
        title="Peak",
        ge=0.0,
        le=0.9,
        description="Fraction of all steps after which the one cycle reaches its highest rate.",
        json_schema_extra={"group": "Schedule", "only_if": {"schedule": ["one_cycle"]}},
    )
    drop_every: int = Field(
        1,
        title="Drop every",
        ge=1,
        le=1000,
        description="Epochs between two drops of the learning rate.",
        json_schema_extra={"group": "Schedule", "only_if": {"schedule": ["step"]}},
    )
    drop_factor: float = Field(
        0.5,
        title="Drop factor",
        gt=0.0,
        le=1.0,
        description="What the learning rate is multiplied by at each drop.",
        json_schema_extra={"group": "Schedule", "only_if": {"schedule": ["step", "plateau"]}},
    )
    plateau_patience: int = Field(
        2,
        title="Plateau patience",
        ge=0,
        le=999,
        description="How many epochs in a row may pass without improvement before the next one "
        "lowers the rate.",
        json_schema_extra={
            "group": "Schedule",
            "only_if": {"schedule": ["plateau"]},
            "later": True,
        },
    )

    # --- validation -------------------------------------------------------------------------

    monitor: Literal["validation_loss", "validation_accuracy"] = Field(
        "validation_loss",
        title="Monitor",
        description="The metric that decides which epoch is best and when to stop early.",
        json_schema_extra={"group": "Validation", "later": True},
    )
    keep: Literal["last", "best"] = Field(
        "last",
        title="Weights to keep",
        description="Which epoch's weights are the run's: those of the last, or of the best by "
        "the monitored metric.",
        json_schema_extra={"group": "Validation", "later": True},
    )
    early_stopping: bool = Field(
        False,
        title="Early stopping",
        description="End the run when the monitored metric has not improved for some epochs.",
        json_schema_extra={"group": "Validation", "later": True},
    )
    patience: int = Field(
        3,
        title="Patience",
        ge=1,
        le=999,
        description="How many epochs in a row may pass without a gain before the run ends.",
        json_schema_extra={
            "group": "Validation",
            "only_if": {"early_stopping": [True]},
            "later": True,
        },
    )
    min_gain: float = Field(
        0.0,
        title="Minimum gain",
        ge=0.0,
        le=1.0,
        description="By how much more than this a metric must improve to count as a gain.",
        json_schema_extra={
            "group": "Validation",
            "only_if": {"early_stopping": [True]},
            "later": True,
        },
    )

    # --- run --------------------------------------------------------------------------------

    seed: int = Field(
        0,
        title="Seed",
        ge=0,
        le=2**31 - 1,
        description="Decides the initial weights, the order of the images and dropout.",
        json_schema_extra={"group": "Run"},
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto",
        title="Device",
        description="Where to compute; auto uses a GPU if there is one.",
        json_schema_extra={"group": "Run"},
    )
    precision: Literal["float32", "bfloat16", "auto"] = Field(
        "float32",
        title="Precision",
        description="bfloat16 multiplies in 16 bits; auto does so where the hardware supports it.",
        json_schema_extra={"group": "Run"},
    )

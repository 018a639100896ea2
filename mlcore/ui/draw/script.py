"""The page's views as Python code."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING

import streamlit as st

from mlcore.ui.draw.networks import Network

if TYPE_CHECKING:
    from mlcore.ui.shared_digit import SharedDigit


def show(network: Network, digit: SharedDigit) -> None:
    """Show code for the digit, the network and every view."""
    st.code(script(network, digit), language="python", wrap_lines=True)


def script(network: Network, digit: SharedDigit) -> str:
    """Python code that computes what the page shows of a digit."""
    packed = base64.b85encode(zlib.compress(digit.pixels.tobytes(), 9)).decode("ascii")
    if network.own:
        return (
            "import base64\nimport zlib\n\n"
            "import mlcore\nimport numpy as np\n"
            "from mlcore.mnist import insight\n\n"
            f'run = mlcore.get_run("{network.moment.run_id}")\n'
            "network = insight.own_network(run.config, run.model())\n"
            f"packed = {packed!r}\n"
            "picture = np.frombuffer(zlib.decompress(base64.b85decode(packed)), np.uint8)"
            ".reshape(28, 28)\n\n"
            "said = network.answer(picture)\n"
            "print(network.classes[said.label], said.probabilities, said.outputs)\n"
            "print(insight.saliency(network, picture).gradient)\n"
            "print(insight.integrated_gradients(network, picture).error)\n"
            "print(insight.occlusion(network, picture).drop)\n"
            "print(insight.walk(network, picture).epsilon)\n"
        )
    load = repr(network.config.dataset)
    if network.config.data_dir:
        load += f", {network.config.data_dir!r}"
    return (
        "import base64\nimport zlib\n\n"
        "import mlcore\nimport numpy as np\n"
        "from mlcore.mnist import insight, load\n\n"
        f'run = mlcore.get_run("{network.moment.run_id}")\n'
        f"digits = load({load})\n"
        "network = insight.on_pixels(run.model(), digits)\n"
        f"packed = {packed!r}\n"
        "picture = np.frombuffer(zlib.decompress(base64.b85decode(packed)), np.uint8)"
        ".reshape(28, 28)\n\n"
        "said = insight.answer(run.config, network, picture)\n"
        "print(digits.classes[said.label], said.probabilities, said.outputs)\n"
        "print(insight.saliency(network, picture).gradient)\n"
        "print(insight.integrated_gradients(network, picture).error)\n"
        "print(insight.occlusion(network, picture).drop)\n"
        "gallery = insight.features(network, digits.train_images)\n"
        "query = insight.features(network, picture)[0]\n"
        "print(insight.nearest(gallery, query).places)\n"
        "print(insight.walk(network, picture).epsilon)\n"
    )

"""Imports torchvision's data sets where its compiled operators do not match this torch.

torchvision's Python files describe the operators ``nms`` and ``qnms`` of its compiled library
while they are imported. Where that library does not load, as with a CUDA build of torchvision
beside a CPU build of torch, the operators do not exist and the whole import fails with "operator
torchvision::nms does not exist", although its data sets need none of them. Declaring the two
signatures is enough for the import; calling them still fails, as it should.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import torch

_SIGNATURES = ("nms", "qnms")
_declared: list[torch.library.Library] = []  # a Library takes its schemas along when it is freed


def torchvision_datasets() -> ModuleType:
    """The module ``torchvision.datasets``.

    Raises:
        ImportError: If torchvision is not installed.
    """
    if "torchvision" not in sys.modules and not _declared and not _compiled_operators_load():
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # torch's own
        for name in _SIGNATURES:
            signature = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(signature)  # type: ignore[no-untyped-call]  # torch's own
        _declared.append(library)
    import torchvision.datasets

    module: ModuleType = torchvision.datasets
    return module


def _compiled_operators_load() -> bool:
    """Load the library just as torchvision will; loading it twice does nothing."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("torchvision is not installed: pip install torchvision.")
    folder = Path(spec.submodule_search_locations[0])
    for library in [*folder.glob("_C*.so"), *folder.glob("_C*.pyd"), *folder.glob("_C*.dylib")]:
        try:
            torch.ops.load_library(library)  # type: ignore[no-untyped-call]  # torch's own
        except (ImportError, OSError):
            continue
        return True
    return False

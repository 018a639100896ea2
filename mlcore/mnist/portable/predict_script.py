"""The text of ``predict.py``: classes and probabilities of picture files, without mlcore."""

from __future__ import annotations

from typing import Final

PREDICT: Final = '''"""Predict the class of pictures: python predict.py IMAGE [IMAGE ...]

How a picture is read (grey levels, light or dark background, size) is said in read_picture.py.
"""

import argparse
import sys
from pathlib import Path

import torch

from model import CLASSES, SIDE, load, normalized, probabilities
from read_picture import BACKGROUNDS, PictureError, read_picture


def main() -> int:
    parser = argparse.ArgumentParser(description="Predict the class of pictures.")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument(
        "--background",
        choices=BACKGROUNDS,
        default="auto",
        help="of the pictures; a light one is inverted; auto looks at the border (default)",
    )
    given = parser.parse_args()
    network = load()
    failed = False
    for path in given.images:
        try:
            pixels, inverted = read_picture(path, SIDE, given.background)
        except PictureError as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = True
            continue
        with torch.inference_mode():
            logits = network(normalized(torch.from_numpy(pixels)[None]))
            chances = probabilities(logits)[0].tolist()
        best = int(logits.argmax())
        print(f"{path}: {CLASSES[best]}" + (" (inverted)" if inverted else ""))
        for name, chance in zip(CLASSES, chances, strict=True):
            print(f"  {name}: {chance:.4f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
'''

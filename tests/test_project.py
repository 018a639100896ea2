"""The project as a whole: its layers hold, and the README's code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.usefixtures("store")
def test_the_code_of_the_readme_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """As a reader who tries it would run it: one Python, each block with names of its own."""
    blocks = _blocks("python")
    names = [f"block {number} of the README" for number in range(1, len(blocks) + 1)]
    code = [
        f"exec(compile({block!r}, {name!r}, 'exec'), {{}})"
        for block, name in zip(blocks, names, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(code)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_code_and_the_two_commands() -> None:
    assert _blocks("python")
    assert "make run" in README
    assert "make test" in README


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_imports_point_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout

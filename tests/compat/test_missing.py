"""Adapters of libraries: loaded only when asked for, and clear where a library is missing."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mlcore.compat.recorded import plain
from mlcore.core import MlcoreError

LIBRARIES = ("accelerate", "keras", "lightning", "skorch", "transformers")


def test_mlcore_loads_none_of_the_libraries() -> None:
    code = (
        "import sys, mlcore, mlcore.compat, mlcore.compat.recorded\n"
        f"print([name for name in {LIBRARIES} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"mlcore.compat.{library}", raising=False)

    class Without:
        """Finds nothing of the library."""

        def find_spec(self, name: str, *_rest: object) -> None:
            if name.partition(".")[0] == library:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])

    monkeypatch.setattr(sys, "meta_path", [Without(), *sys.meta_path])
    with pytest.raises(ImportError) as caught:
        importlib.import_module(f"mlcore.compat.{library}")
    assert isinstance(caught.value, MlcoreError)
    assert str(caught.value) == (
        f"mlcore.compat.{library} needs {library}, which is not installed. Install it with: "
        f'pip install "mlcore[{library}]"'
    )


def test_the_readme_names_each_library_its_module_and_what_to_write() -> None:
    root = Path(__file__).parents[2]
    readme = (root / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \| `.*?(MLCore\w+)\(.*` \|$", readme, re.MULTILINE)
    assert {module for module, _ in rows} >= set(LIBRARIES)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for module, name in rows:
        code = ast.parse((root / "mlcore" / "compat" / f"{module}.py").read_text(encoding="utf-8"))
        assert name in [node.name for node in code.body if isinstance(node, ast.ClassDef)]
        assert module in project["optional-dependencies"]


def test_objects_of_a_library_become_short_texts_of_a_config() -> None:
    class Split:
        def __call__(self) -> None: ...

    class Named:
        def __repr__(self) -> str:
            return "Named(3)"

    given = {
        "a": 1,
        "b": (True, None),
        "n": None,
        "c": Split(),
        "d": Named(),
        "e": Split,
        5: {"x": 0.5},
    }
    found = plain(given)
    assert found["c"].endswith("Split")
    assert "0x" not in found["c"]
    assert "n" not in found
    assert (found["a"], found["b"], found["d"]) == (1, [True, None], "Named(3)")
    assert (found["e"], found["5"]) == (Split, {"x": 0.5})

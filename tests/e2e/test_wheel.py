"""The wheel is the product: built from a clean clone, it opens the whole dashboard anywhere."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

import mlcore
from mlcore.runs import Status
from mlcore.runs.store.store import open_store
from tests.e2e.conftest import ROOT, DashboardServer
from tests.e2e.settling import FINISHED_MS, badge

CARRIED = ("dashboard.py", "pages/", ".streamlit/")
"""What stands at the top of a checkout, and inside an installed package."""


@dataclass(frozen=True)
class Built:
    """What is built from a clean clone of the last commit.

    Attributes:
        tracked: The files of the commit.
        sdist: The source archive.
        wheel: Built from the source archive alone.
    """

    tracked: frozenset[str]
    sdist: Path
    wheel: Path


class InstalledDashboard(DashboardServer):
    """``mlcore dashboard`` of an environment, started in a folder that has nothing of ours."""

    def __init__(self, folder: Path, command: Path) -> None:
        super().__init__(folder)
        self._command = command
        self.home = folder / "elsewhere"
        self.home.mkdir()

    def _launched(self, log: Path) -> psutil.Process:
        words = ["dashboard", "--port", str(self.port), "--store", str(self.folder / "runs.db")]
        with log.open("ab") as file:
            return psutil.Popen(
                [str(self._command), *words],
                cwd=self.home,
                env={**_bare(), "STREAMLIT_SERVER_HEADLESS": "true"},
                stdout=file,
                stderr=file,
            )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of a clean clone, and the wheel of the sdist, without a network."""
    folder = tmp_path_factory.mktemp("built")
    done(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")])
    names = done(["git", "ls-files", "-z"], folder / "clone").split("\0")
    out = ["-d", str(folder)]
    done([sys.executable, "-m", "hatchling", "build", "-t", "sdist", *out], folder / "clone")
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    done([sys.executable, "-m", "hatchling", "build", "-t", "wheel", *out], source)
    (wheel,) = folder.glob("*.whl")
    return Built(frozenset(filter(None, names)), sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment in which the wheel is all there is of mlcore.

    What mlcore needs is taken from the environment of the tests: torch alone is 1 GB. The
    ``.pth`` files there, such as that of an editable mlcore, are not followed.
    """
    home = tmp_path_factory.mktemp("environment")
    done([sys.executable, "-m", "venv", "--without-pip", str(home)])
    places = {"base": str(home), "platbase": str(home)}
    ours = Path(sysconfig.get_path("purelib", "venv", places))
    theirs = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (ours / "needed.pth").write_text("\n".join(sorted(theirs)))
    programs = Path(sysconfig.get_path("scripts", "venv", places))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python"]
    options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--force-reinstall"]
    done([*pip, str(programs / "python"), "install", *options, str(built.wheel)])
    return programs


@pytest.fixture
def dashboard(installed: Path, tmp_path: Path) -> Iterator[InstalledDashboard]:
    """The dashboard of the wheel."""
    server = InstalledDashboard(tmp_path, installed / "mlcore")
    server.start()
    yield server
    server.close()


def done(words: Sequence[str], here: Path | None = None) -> str:
    """What a command prints."""
    ended = subprocess.run(
        words, cwd=here, env=_bare(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_sdist_holds_every_file_and_the_wheel_every_file_of_the_package(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == built.tracked | {"PKG-INFO"}
    package = {name for name in built.tracked if name.startswith("mlcore/")}
    carried = {f"mlcore/_dashboard/{name}" for name in built.tracked if name.startswith(CARRIED)}
    assert any(name.endswith(".md") for name in carried)
    assert "mlcore/_dashboard/.streamlit/config.toml" in carried
    with zipfile.ZipFile(built.wheel) as wheel:
        files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert files == package | carried


def test_the_wheel_is_installed_with_its_version_and_its_command(
    installed: Path, tmp_path: Path
) -> None:
    assert done([str(installed / "mlcore"), "--version"]) == f"mlcore {mlcore.__version__}\n"
    code = "import mlcore; from importlib.metadata import version; "
    code += "print(version('mlcore'), mlcore.__file__)"
    version, file = done([str(installed / "python"), "-c", code], tmp_path).split()
    assert version == mlcore.__version__
    assert Path(file).is_relative_to(installed.parent)


@pytest.mark.browser
def test_the_dashboard_of_the_wheel_trains_a_network(
    dashboard: InstalledDashboard, installed: Path, tab: Page
) -> None:
    missing: list[str] = []
    tab.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
    tab.goto(dashboard.url)
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    pages = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "home")
    links = tab.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_count(len(pages) + 1)
    shown = {str(link.get_attribute("href")).rpartition("/")[2] for link in links.all()}
    assert shown >= set(pages)

    tab.goto(f"{dashboard.url}/mnist?tab=Train&epochs=1&train_size=512&hidden=16")
    start = tab.get_by_role("button", name="Start training")
    expect(start).to_have_css("background-color", _rgb("primaryColor"))
    start.click()
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    (run,) = open_store(dashboard.store).list()
    assert run.status == Status.FINISHED
    assert (run.config_fields["train_size"], run.config_fields["epochs"]) == (512, 1)
    assert {worker.cmdline()[0] for worker in dashboard.workers()} == {str(installed / "python")}
    # of a deep link Streamlit first asks under its path
    assert [url for url in missing if "/_stcore/" not in url] == []
    assert list(dashboard.home.iterdir()) == [], "nothing is written where it was started"
    assert "Traceback" not in dashboard.log


def _bare() -> dict[str, str]:
    """The environment without what would lead to a checkout, or to another store."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLCORE_", "PYTHON", "PIP_"))
    }


def _rgb(option: str) -> str:
    """A colour of the theme, as a browser writes it."""
    text = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    found = re.search(rf'^{option} = "#(..)(..)(..)"', text, re.MULTILINE)
    assert found is not None
    return f"rgb({', '.join(str(int(part, 16)) for part in found.groups())})"

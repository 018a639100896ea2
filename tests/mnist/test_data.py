"""The images, wherever they come from, and a cache that is whole or not there."""

import gzip
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from mlcore.core import DataUnavailableError
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.data import cache, folder
from mlcore.mnist.data import digits as data
from mlcore.mnist.data.sources import MNIST_SHA256, SOURCES, DatasetName
from mlcore.mnist.data.torchvision_compat import torchvision_datasets
from tests.mnist.conftest import write_folder, write_idx
from tests.waiting import PATIENCE

UNPACK = "from mlcore.mnist.data.cache import unpack_mnist; unpack_mnist()"


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of the test's own, and no data set remembered from another."""
    monkeypatch.setenv("MLCORE_CACHE", str(tmp_path / "cache"))
    data._load_named.cache_clear()
    yield tmp_path / "cache"
    data._load_named.cache_clear()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds MNIST; copy it before harming it."""
    root = tmp_path_factory.mktemp("unpacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_CACHE", str(root))
        cache.unpack_mnist()
    return root


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


def sums(root: Path) -> dict[str, str]:
    raw = root / "MNIST" / "raw"
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in raw.iterdir()}


# --- MNIST itself ---------------------------------------------------------------------------


def test_mnist_is_whole_and_its_classes_are_not_of_equal_size() -> None:
    digits = data.load("mnist")

    assert digits.train_images.shape == (60_000, 28, 28)
    assert digits.test_images.shape == (10_000, 28, 28)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert digits.test_labels.bincount().tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert (digits.mean, digits.std) == (0.1307, 0.3081)
    assert digits.classes == tuple("0123456789")


def test_mnist_is_read_once_a_process() -> None:
    assert data.load() is data.load("mnist")


def test_the_tables_agree_with_torchvision() -> None:
    datasets = torchvision_datasets()

    for source in SOURCES.values():
        theirs = getattr(datasets, source.torchvision)
        assert issubclass(theirs, torch.utils.data.Dataset)
        if source.torchvision == "EMNIST":
            assert source.published == (theirs.md5,)
            names = [c for c in theirs.classes_split_dict[source.split] if c != "N/A"]
            assert list(source.classes) == names
        elif source.torchvision == "QMNIST":
            resources = theirs.resources["train"] + theirs.resources["test"]
            assert list(source.published) == [md5 for _, md5 in resources]
        elif source.torchvision != "MNIST":
            assert list(source.published) == [md5 for _, md5 in theirs.resources]
            assert len(source.classes) == len(theirs.classes)


def test_the_door_opens_in_a_fresh_process_and_opens_twice() -> None:
    code = (
        "from mlcore.mnist.data.torchvision_compat import torchvision_datasets as door\n"
        "assert door() is door()\n"
        "import torchvision"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_torchvision_opens_the_cache_as_its_own(unpacked: Path) -> None:
    assert len(torchvision_datasets().MNIST(unpacked, train=False)) == 10_000


# --- the cache ------------------------------------------------------------------------------


def test_processes_that_unpack_at_once_leave_four_whole_files(empty_cache: Path) -> None:
    processes = [start(UNPACK) for _ in range(3)]

    assert [(p.wait(PATIENCE), p.communicate()[1]) for p in processes] == [(0, b"")] * 3
    assert sums(empty_cache) == MNIST_SHA256


def test_an_unpack_killed_while_writing_is_made_good_by_the_next(empty_cache: Path) -> None:
    killed = start(
        "import os, pathlib\n"
        "whole = os.fsync\n"
        "def fsync(handle):\n"
        "    os.kill(os.getpid(), 9)\n"  # all is written, nothing is in place
        "os.fsync = fsync\n" + UNPACK
    )
    assert killed.wait(PATIENCE) == -signal.SIGKILL
    assert killed.stderr is not None
    killed.stderr.close()
    left = [p.name for p in (empty_cache / "MNIST" / "raw").iterdir()]
    assert left
    assert not set(left) & set(MNIST_SHA256)

    old = empty_cache / "MNIST" / "raw" / left[0]
    os.utime(old, (0, 0))
    cache.unpack_mnist()

    assert sums(empty_cache) == MNIST_SHA256


@pytest.mark.parametrize("damage", ["flipped", "short", "gone"])
def test_a_damaged_cache_is_rebuilt(empty_cache: Path, unpacked: Path, damage: str) -> None:
    shutil.copytree(unpacked, empty_cache)
    file = empty_cache / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    whole = file.read_bytes()
    match damage:
        case "flipped":
            file.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        case "short":
            file.write_bytes(whole[:5000])
        case "gone":
            file.unlink()

    cache.unpack_mnist()

    assert file.read_bytes() == whole


def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(DataUnavailableError, match=r"No space left on device.*MLCORE_CACHE"):
        data.load("mnist")
    assert list((empty_cache / "MNIST" / "raw").iterdir()) == []


@pytest.mark.usefixtures("empty_cache")
def test_a_cache_that_is_a_file_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("MLCORE_CACHE", str(tmp_path / "taken"))

    with pytest.raises(DataUnavailableError, match="name another folder in the environment"):
        data.load("mnist")


# --- its relatives --------------------------------------------------------------------------


def put(name: DatasetName, root: Path, labels: torch.Tensor, *, zipped: bool = False) -> None:
    source = SOURCES[name]
    raw = root / source.torchvision / "raw"
    images = torch.zeros(len(labels), 28, 28, dtype=torch.uint8)
    images[:, 3, 20] = 255
    for file, values in zip(source.files, [images, labels, images, labels], strict=True):
        write_idx(raw / file, values)
        if file.endswith("int"):  # QMNIST's labels are 32-bit
            head = bytes([0, 0, 12, 2]) + len(values).to_bytes(4, "big") + (8).to_bytes(4, "big")
            rows = [int(v).to_bytes(4, "big") + bytes(28) for v in values]
            (raw / file).write_bytes(head + b"".join(rows))
        if zipped:
            (raw / f"{file}.gz").write_bytes(gzip.compress((raw / file).read_bytes()))
            (raw / file).unlink()


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist", "qmnist", "emnist_balanced"])
@pytest.mark.parametrize("zipped", [False, True])
def test_relatives_are_read_from_the_cache(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, name: DatasetName, zipped: bool
) -> None:
    labels = torch.tensor([3, 1, 2])
    publish(monkeypatch, name, 3)
    put(name, empty_cache, labels, zipped=zipped)
    if zipped:
        raw = empty_cache / SOURCES[name].torchvision / "raw"
        archives = [(raw / f"{file}.gz").read_bytes() for file in SOURCES[name].files]
        md5s = tuple(hashlib.md5(one, usedforsecurity=False).hexdigest() for one in archives)
        monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], published=md5s))

    digits = data.load(name)

    assert torch.equal(digits.train_labels, labels)
    assert torch.equal(digits.test_labels, labels)
    assert digits.classes == SOURCES[name].classes


def publish(monkeypatch: pytest.MonkeyPatch, name: DatasetName, images: int) -> None:
    """Say that a data set has so few images."""
    small = replace(SOURCES[name], train_images=images, test_images=images)
    monkeypatch.setitem(SOURCES, name, small)


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist", "qmnist", "emnist_letters"])
@pytest.mark.parametrize("count", [0, 2])
def test_files_that_are_whole_but_not_those_published_are_refused(
    empty_cache: Path, name: DatasetName, count: int
) -> None:
    put(name, empty_cache, torch.ones(count, dtype=torch.int64))

    source = SOURCES[name]
    said = f"holds {count} × 28 × 28 values, but {source.title} has {source.train_images} × 28 × 28"
    with pytest.raises(DataUnavailableError, match=said):
        data.load(name)


@pytest.mark.parametrize(("name", "label"), [("kmnist", 10), ("emnist_letters", 0)])
def test_a_label_that_the_data_set_does_not_have_is_refused(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, name: DatasetName, label: int
) -> None:
    publish(monkeypatch, name, 2)
    put(name, empty_cache, torch.tensor([1, label]))

    with pytest.raises(DataUnavailableError, match="holds a label that"):
        data.load(name)


def test_a_part_of_the_letters_is_refused_however_it_is_packed(empty_cache: Path) -> None:
    """Files of their own numbers, whole, with letters left out: 1 to 10 and 17 to 26."""
    labels = torch.tensor([*range(1, 11), *range(17, 27)])
    put("emnist_letters", empty_cache, labels, zipped=True)

    said = "holds 20 × 28 × 28 values, but EMNIST letters has 124800 × 28 × 28"
    with pytest.raises(DataUnavailableError, match=said):
        data.load("emnist_letters")


def test_an_archive_that_is_not_the_published_one_is_refused(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(SOURCES["kmnist"], train_images=3, test_images=3)
    monkeypatch.setitem(SOURCES, "kmnist", small)
    put("kmnist", empty_cache, torch.tensor([3, 1, 2]), zipped=True)

    with pytest.raises(DataUnavailableError, match="not the archive that was published") as refused:
        data.load("kmnist")

    assert small.published[0] in str(refused.value)
    assert not (empty_cache / "KMNIST" / "raw" / small.files[0]).exists()


@pytest.mark.parametrize("place", [0, 1])
def test_values_of_another_type_are_refused(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    publish(monkeypatch, "kmnist", 2)
    put("kmnist", empty_cache, torch.tensor([5, 6]))
    path = empty_cache / "KMNIST" / "raw" / SOURCES["kmnist"].files[place]
    header = path.read_bytes()[: 4 + 4 * (3 - 2 * place)]
    values = bytes(4 * (2 * 28 * 28 if place == 0 else 2))
    path.write_bytes(header[:2] + b"\x0d" + header[3:] + values)

    with pytest.raises(DataUnavailableError, match="holds values of another type"):
        data.load("kmnist")


def test_letters_are_upright_and_labelled_from_zero(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, "emnist_letters", 2)
    put("emnist_letters", empty_cache, torch.tensor([1, 26]))

    digits = data.load("emnist_letters")

    assert digits.train_labels.tolist() == [0, 25]
    assert (digits.classes[0], digits.classes[25]) == ("a", "z")
    assert int(digits.train_images[0, 20, 3]) == 255


def test_without_a_network_one_sentence_says_where_to_put_the_files(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network(monkeypatch)

    with pytest.raises(DataUnavailableError) as refused:
        data.load("kmnist")

    assert str(empty_cache / "KMNIST" / "raw") in str(refused.value)
    assert "train-images-idx3-ubyte" in str(refused.value)
    assert "no route" in str(refused.value)


def test_a_half_written_relative_is_not_taken_for_whole(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("kmnist", empty_cache, torch.tensor([0, 1]))
    file = empty_cache / "KMNIST" / "raw" / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    no_network(monkeypatch)

    with pytest.raises(DataUnavailableError, match="put t10k-images-idx3-ubyte"):
        data.load("kmnist")


def test_a_download_comes_beside_the_cache_first(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kmnist = torchvision_datasets().KMNIST
    publish(monkeypatch, "kmnist", 2)

    def download(dataset: object) -> None:
        root = Path(str(dataset.root))  # type: ignore[attr-defined]  # torchvision's own
        assert root.parent == empty_cache
        put("kmnist", root, torch.tensor([5, 6]))

    monkeypatch.setattr(kmnist, "download", download)

    assert data.load("kmnist").test_labels.tolist() == [5, 6]
    assert [p.name for p in empty_cache.iterdir()] == ["KMNIST"]


def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(_dataset: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision_datasets().MNIST, "download", download)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ValueError, match="there are mnist, fashion_mnist"):
        data.load("cifar")  # type: ignore[arg-type]  # that is the point


# --- a folder of one's own ------------------------------------------------------------------


def test_a_folder_of_ones_own_is_read(tiny: str) -> None:
    digits = data.load("folder", tiny)

    assert digits.train_images.shape == (70, 28, 28)
    assert digits.classes == ("0", "1", "2")
    assert digits.test_labels.bincount().tolist() == [10, 10, 10]


@pytest.mark.usefixtures("empty_cache")
def test_a_zipped_folder_is_read_too(tmp_path: Path) -> None:
    write_folder(tmp_path / "own", classes=2)
    for file in list((tmp_path / "own").iterdir()):
        file.with_suffix(".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()

    assert data.load("folder", tmp_path / "own").test_labels.bincount().tolist() == [15, 15]


def test_a_folders_checksum_follows_its_contents(tmp_path: Path) -> None:
    write_folder(tmp_path)
    config = MNISTConfig(dataset="folder", data_dir=str(tmp_path))
    before = config.fingerprint()

    write_folder(tmp_path, train=71)

    assert config.fingerprint() != before
    assert len(data.load("folder", tmp_path).train_labels) == 71


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("t10k-labels-idx1-ubyte", None, "has no file t10k-labels-idx1-ubyte: put it there"),
        ("t10k-labels-idx1-ubyte", b"PK\3\4", "is no IDX file: it begins with 504b0304"),
        ("t10k-labels-idx1-ubyte", b"", "is no IDX file: it begins with nothing"),
        (
            "t10k-labels-idx1-ubyte",
            b"\0\0\10\1\0\0\0\36abc",
            "its header says 38 bytes, not 11",
        ),
        ("t10k-labels-idx1-ubyte", b"\0\0\10\1\0\0\0\2ab", "shape (2,), but 30 images need"),
        ("t10k-labels-idx1-ubyte", b"\0\0\15\1\0\0\0\1abcd", "holds no unsigned bytes"),
        (
            "t10k-images-idx3-ubyte",
            b"\0\0\10\3\0\0\0\1\0\0\0\1\0\0\0\2ab",
            "but images must be N × 28 × 28",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_says_which_file_and_why(
    tmp_path: Path, file: str, content: bytes | None, sentence: str
) -> None:
    write_folder(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)

    with pytest.raises(DataUnavailableError) as refused:
        data.load("folder", tmp_path)

    assert sentence in str(refused.value)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="has no file train-images"):
        folder.folder_checksum(tmp_path / "nowhere")

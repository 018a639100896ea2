"""Imports a file by its content, whatever its name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlcore.runs.export.file_formats import MANIFEST
from mlcore.runs.imports.archive import MOST_BYTES, MOST_MEMBERS, import_zip
from mlcore.runs.imports.foreign import ImportRefusedError
from mlcore.runs.imports.tables import import_csv, import_json, import_parquet

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

READ: Final = (
    "What is read: a zip, CSV, Parquet or JSON file of mlcore export; TensorBoard's event files "
    "(events.out.tfevents.…), or a zip of their log folder."
)

_SIGNS: Final = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3\0", "an SQLite database; a store is opened by naming it in MLCORE_STORE"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x80\x02", "a Python pickle, which is never opened"),
    (b"\x80\x04", "a Python pickle, which is never opened"),
    (b"\x80\x05", "a Python pickle, which is never opened"),
    (b"<", "a page of HTML or XML"),
)


def import_path(store: Store, path: Path, say: Callable[[str], None] = lambda _: None) -> list[Run]:
    """Import a file or a log folder.

    Args:
        store: Where to store the runs.
        path: What to import.
        say: Called with a sentence for each thing in it that is left out.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportRefusedError: If it is damaged, hostile, or nothing of what is read.
        MissingExtraError: If it needs a package that is not installed.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "run.zip")
        ...     _ = path.write_bytes(mlcore.runs.export.to_zip([run]))
        ...     print(len(mlcore.runs.imports.import_path(mlcore.runs.open_store(), path)))
        1
    """
    if not path.is_file():
        from mlcore.runs.imports.tensorboard import import_tensorboard

        return import_tensorboard(store, path, say)
    with path.open("rb") as file:
        begin = file.read(4)
    if begin.startswith(b"PK") and MANIFEST in _members(path, path.name):
        return import_zip(store, path)  # read where it lies: it may be large
    return import_content(store, path.read_bytes(), path.name, say)


def import_content(
    store: Store, content: bytes, name: str, say: Callable[[str], None] = lambda _: None
) -> list[Run]:
    """Import a file given as bytes; see ``import_path``.

    Raises:
        ImportRefusedError: If it is damaged, hostile, or nothing of what is read.
        MissingExtraError: If it needs a package that is not installed.

    Example:
        >>> import mlcore
        >>> content = mlcore.runs.export.to_csv([mlcore.run(mlcore.RegressionConfig(steps=20))])
        >>> store = mlcore.runs.open_store()
        >>> runs = mlcore.runs.imports.import_content(store, content, "class.csv")
        >>> print(runs[0].source, sorted(runs[0].latest()))
        csv ['b', 'loss', 'w']
    """
    from mlcore.runs.imports.tensorboard import import_event_files

    if content.startswith(b"PK"):
        logs = [one for one in _members(io.BytesIO(content), name) if "tfevents" in one]
        if logs:
            return import_event_files(store, _unpacked(content, logs, name), _stem(name), say)
        return import_zip(store, content, name)
    if content.startswith(b"PAR1"):
        return import_parquet(store, content, name)
    if _is_records(content) or "tfevents" in name:
        return import_event_files(store, {name.rpartition("/")[2]: content}, name, say)
    if content.lstrip()[:1] in (b"{", b"["):
        return import_json(store, content, name)
    kind = next((words for sign, words in _SIGNS if content.startswith(sign)), None)
    if kind is None and content and b"\0" not in content[:1000]:
        return import_csv(store, content, name)
    kind = kind or ("empty" if not content else "of a kind that is not known here")
    raise ImportRefusedError(f"The file {name} is {kind}. {READ}")


def _is_records(content: bytes) -> bool:
    """Whether it begins like a TensorBoard event file: with a record of a few bytes."""
    return len(content) >= 16 and content[2:8] == bytes(6) and b"brain.Event:" in content[:64]


def _members(file: Path | io.BytesIO, name: str) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ImportRefusedError(
            f"The file {name} is no zip, or is damaged ({error}). Export it again."
        ) from None


def _unpacked(content: bytes, members: list[str], name: str) -> dict[str, bytes]:
    """The event files of a zip, by path; the declared sizes are checked first."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = [archive.getinfo(member) for member in members]
        whole = sum(info.file_size for info in infos)
        if len(infos) > MOST_MEMBERS or whole > MOST_BYTES:
            raise ImportRefusedError(
                f"The zip {name} would unpack to {len(infos):,} event files of {whole:,} bytes, "
                f"but at most {MOST_MEMBERS:,} and {MOST_BYTES:,} are allowed."
            )
        try:
            return {info.filename.lstrip("/"): archive.read(info) for info in infos}
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise ImportRefusedError(f"The zip {name} is damaged: {error}.") from None


def _stem(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".zip") or name

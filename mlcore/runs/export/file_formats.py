"""Names within exported files, for who writes them and who reads them.

A zip holds:

manifest.json              format, who made it, units, and for each member its size and SHA-256
runs/ID/run.json           what is known of the run (``described``)
runs/ID/config.json        its config
runs/ID/versions.json      versions and environment it was made with
runs/ID/metrics.csv        every point: metric, step, value, time (s of work)
runs/ID/files/NAME-STEP.safetensors   weights and arrays
runs/ID/saved/STEP-NAME    files that a script saved
runs/ID/media/STEP/KIND/NAME   logged images, histograms, tables and figures
runs/ID/facts/system.json  system metrics
runs/ID/facts/packages.txt installed packages
"""

from __future__ import annotations

from typing import Final

from mlcore.runs.store.artifacts import PACKAGES, SYSTEM

FORMAT: Final = "mlcore runs 1"
MANIFEST: Final = "manifest.json"
FACTS: Final = {SYSTEM: "system.json", PACKAGES: "packages.txt"}
"""Members of the folder ``facts`` of a run, by the artifact's name."""

DESCRIPTION_TAG: Final = "mlcore/run"
"""Text summary that holds all that is known of the run, as JSON."""
POINTS_TAG: Final = "mlcore/points"
"""Summary of a plugin that TensorBoard does not know: every point, as ``to_json`` writes them."""

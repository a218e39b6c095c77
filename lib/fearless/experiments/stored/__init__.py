"""Runs too long for a page, kept with the script that made them.

Each run is a module here with a function ``run`` and a JSON file of the same name beside it::

    python -m fearless.experiments.stored.fourier_mnist

runs the full protocol again and rewrites the file. The tests run a thin slice of every script
and compare it with what is stored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["StoredRun", "load_run", "provenance", "save_run"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class StoredRun:
    """A stored run and its provenance.

    Attributes
    ----------
    name : str
        Of the module and of the file.
    results : dict of str to ndarray
        What the run computed.
    settings : dict
        The arguments of ``run`` that reproduce it.
    provenance : dict
        When and where: seconds, threads, versions, date, hash of the script.
    sha256 : str
        Hash of settings and results.
    """

    name: str
    results: dict[str, np.ndarray]
    settings: dict[str, Any]
    provenance: dict[str, Any]
    sha256: str

    @property
    def minutes(self) -> float:
        """Running time of the full protocol, in minutes."""
        return self.provenance["seconds"] / 60


def load_run(name: str, folder: Path = FOLDER) -> StoredRun:
    """Read a stored run and check that nobody has edited it.

    Parameters
    ----------
    name : str
        Name of the module in ``fearless.experiments.stored``.
    folder : Path
        Where the file is.

    Returns
    -------
    StoredRun

    Raises
    ------
    ValueError
        When there is no such run, or its results do not match the hash stored with them.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.json"))
        raise ValueError(f"name is {name!r}; expected one of the stored runs {known}")
    content = json.loads(path.read_text(encoding="utf-8"))
    digest = _digest(content["settings"], content["results"])
    if digest != content["sha256"]:
        raise ValueError(
            f"{path.name} is damaged or was edited by hand: its hash is {digest[:12]}..., "
            f"expected {content['sha256'][:12]}...; run python -m {__name__}.{name} again"
        )
    results = {key: np.asarray(value) for key, value in content["results"].items()}
    return StoredRun(name, results, content["settings"], content["provenance"], digest)


def save_run(
    name: str,
    settings: dict[str, Any],
    results: dict[str, np.ndarray],
    provenance: dict[str, Any],
    folder: Path = FOLDER,
) -> Path:
    """Write a run with its hash, replacing the file in one step.

    Parameters
    ----------
    name : str
    settings, provenance : dict
        Anything JSON can hold.
    results : dict of str to ndarray
    folder : Path

    Returns
    -------
    Path
        The file written.
    """
    lists = {key: np.asarray(value).tolist() for key, value in results.items()}
    content = {
        "settings": settings,
        "provenance": provenance,
        "results": lists,
        "sha256": _digest(settings, lists),
    }
    path = folder / f"{name}.json"
    temporary = path.with_suffix(".partial")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return temporary.replace(path)


def _digest(settings: dict[str, Any], results: dict[str, list]) -> str:
    text = json.dumps([settings, results], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def provenance(script: str, seconds: float, **further: Any) -> dict[str, Any]:
    """Say where and when a run was made, and by which script.

    Parameters
    ----------
    script : str
        The ``__file__`` of the module with the run.
    seconds : float
        What the run took.
    **further
        Anything else worth noting, such as versions of other libraries.

    Returns
    -------
    dict
        For `save_run`.
    """
    import os
    import platform
    from datetime import UTC, datetime

    import scipy
    import sklearn
    from threadpoolctl import threadpool_info

    path = Path(script)
    return {
        "command": f"python -m {__name__}.{path.stem}",
        "script_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seconds": round(seconds, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "blas_threads": max((pool["num_threads"] for pool in threadpool_info()), default=1),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "sklearn": sklearn.__version__,
        **further,
    }

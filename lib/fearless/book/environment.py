"""What a page was executed with: Python, the machine's cores, and every installed package.

The build stores it beside the outputs of each page, and the book's status page prints it.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import distributions
from typing import Any

from fearless.book.execute import available_cores

__all__ = ["describe_environment"]


def describe_environment() -> dict[str, Any]:
    """Describe the running Python.

    Returns
    -------
    dict
        ``python`` (version), ``system`` (name and architecture), ``cores`` (those this process
        may use), and ``packages``: ``{name: version}`` of everything installed, in alphabetical
        order, names in the normal form of package indexes. Nothing that names the machine.
    """
    packages = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in distributions()
        if found.metadata["Name"]
    }
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
        "packages": dict(sorted(packages.items())),
    }

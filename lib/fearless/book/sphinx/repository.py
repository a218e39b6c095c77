"""The address of the book's repository: one setting, and everything that hangs on it.

The address comes from the environment: ``FEARLESS_REPOSITORY_URL``, or what a forge's own builds
set, ``GITHUB_SERVER_URL`` and ``GITHUB_REPOSITORY``. Where neither is set, pages carry no launch,
repository, edit or issue button at all, rather than one that leads nowhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

URL_VARIABLE = "FEARLESS_REPOSITORY_URL"
BRANCH_VARIABLE = "FEARLESS_REPOSITORY_BRANCH"
DEFAULT_BRANCH = "main"
BINDER = "https://mybinder.org"

_BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")


def repository_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the repository's address, without a trailing slash; empty when it is not known.

    Raises
    ------
    ValueError
        When ``FEARLESS_REPOSITORY_URL`` is not of the form ``https://host/owner/name``.
    """
    url = environment.get(URL_VARIABLE, "").strip().rstrip("/")
    if not url:
        server = environment.get("GITHUB_SERVER_URL", "").rstrip("/")
        name = environment.get("GITHUB_REPOSITORY", "")
        return f"{server}/{name}" if server and name else ""
    if not re.fullmatch(r"https?://[^/\s]+(/[^/\s]+){2,}", url):
        raise ValueError(
            f"{URL_VARIABLE} is {url!r}, but must be of the form https://host/owner/name"
        )
    return url.removesuffix(".git")


def theme_options(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the theme's options for the buttons that need the repository's address."""
    url = repository_url(environment)
    options: dict[str, Any] = {name: bool(url) for name in _BUTTONS}
    if not url:
        return options | {"repository_url": "", "launch_buttons": {}}
    host = url.split("/")[2].lower()
    forges = [name for name in ("github", "gitlab", "bitbucket") if name in host]
    return options | {
        "repository_url": url,
        "repository_branch": environment.get(BRANCH_VARIABLE) or DEFAULT_BRANCH,
        # Self-hosted forges whose name tells nothing mostly share GitHub's scheme of links.
        "repository_provider": forges[0] if forges else "github",
        "launch_buttons": {"binderhub_url": BINDER, "notebook_interface": "jupyterlab"},
    }


def _apply(app: Sphinx, config: Config) -> None:
    config.html_theme_options = dict(config.html_theme_options) | theme_options()


def setup(app: Sphinx) -> None:
    """Connect the repository's buttons to a Sphinx application."""
    app.connect("config-inited", _apply)

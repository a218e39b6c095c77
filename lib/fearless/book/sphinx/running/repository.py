"""The address of the book's repository, that of its site, and everything that hangs on them.

Both come from the environment: ``FEARLESS_REPOSITORY_URL`` and ``FEARLESS_SITE_URL``, or what a
forge's own builds set, ``GITHUB_SERVER_URL`` and ``GITHUB_REPOSITORY``. Where the repository is
not known, pages carry no launch, repository, edit or issue button at all, rather than one that
leads nowhere; where the site is not known, no link that would have to be absolute.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

URL_VARIABLE = "FEARLESS_REPOSITORY_URL"
BRANCH_VARIABLE = "FEARLESS_REPOSITORY_BRANCH"
NOTEBOOKS_VARIABLE = "FEARLESS_NOTEBOOKS_BRANCH"
SITE_VARIABLE = "FEARLESS_SITE_URL"
HUB_VARIABLE = "FEARLESS_JUPYTERHUB_URL"
DEFAULT_BRANCH = "main"
# The sources with a notebook beside every page, which the publish workflow pushes.
NOTEBOOKS_BRANCH = "notebooks"
BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"

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


def site_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the address the site is published at, with a trailing slash; empty when not known.

    From ``FEARLESS_SITE_URL``; in a build on GitHub, the address of the repository's Pages.

    Raises
    ------
    ValueError
        When ``FEARLESS_SITE_URL`` is not an absolute address without query and fragment.
    """
    url = environment.get(SITE_VARIABLE, "").strip()
    if url:
        if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url):
            raise ValueError(
                f"{SITE_VARIABLE} is {url!r}, but must be of the form https://host/path/"
            )
        return url.rstrip("/") + "/"
    owner, _, name = environment.get("GITHUB_REPOSITORY", "").partition("/")
    if not name or environment.get("GITHUB_SERVER_URL") != "https://github.com":
        return ""
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def hub_url(environment: Mapping[str, str] = os.environ) -> str:
    """Return the address of the JupyterHub of a class, without a trailing slash; or nothing.

    Raises
    ------
    ValueError
        When ``FEARLESS_JUPYTERHUB_URL`` is not an absolute address without query and fragment.
    """
    url = environment.get(HUB_VARIABLE, "").strip()
    if url and not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", url):
        raise ValueError(f"{HUB_VARIABLE} is {url!r}, but must be of the form https://host/path/")
    return url.rstrip("/")


def forge(url: str) -> str:
    """Return which forge an address belongs to: github, gitlab, bitbucket; empty when unclear."""
    host = url.split("/")[2].lower() if url else ""
    return next((name for name in ("github", "gitlab", "bitbucket") if name in host), "")


def launch_links(docname: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the addresses that open a page as a live notebook, by the name of the service.

    Binder and Colab open the notebook of the page on the branch `NOTEBOOKS_BRANCH` (or
    ``FEARLESS_NOTEBOOKS_BRANCH``); Colab reads from GitHub only. A JupyterHub, where
    ``FEARLESS_JUPYTERHUB_URL`` names one, fetches the branch with nbgitpuller, which keeps what a
    student has changed. Empty when the address of the repository is not known.
    """
    url = repository_url(environment)
    if not url:
        return {}
    branch = environment.get(NOTEBOOKS_VARIABLE) or NOTEBOOKS_BRANCH
    owner, name = url.rsplit("/", 2)[1:]
    kinds = {
        "https://github.com": f"gh/{owner}/{name}",
        "https://gitlab.com": f"gl/{owner}%2F{name}",
    }
    # Any other host, and groups within groups, by the whole address.
    where = kinds.get(url.rsplit("/", 2)[0], f"git/{quote(url, safe='')}")
    path = quote(f"{docname}.ipynb")
    tag = quote(branch, safe="")
    links = {"Binder": f"{BINDER}/v2/{where}/{tag}?urlpath=lab/tree/{path}"}
    if where.startswith("gh/"):
        links["Colab"] = f"{COLAB}/github/{owner}/{name}/blob/{tag}/{path}"
    if hub := hub_url(environment):
        # nbgitpuller names the folder after the repository.
        asked = {"repo": url, "branch": branch, "urlpath": f"lab/tree/{name}/{docname}.ipynb"}
        links["JupyterHub"] = f"{hub}/hub/user-redirect/git-pull?{urlencode(asked)}"
    return links


def theme_options(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the theme's options for the buttons that need the repository's address."""
    url = repository_url(environment)
    options: dict[str, Any] = {name: bool(url) for name in _BUTTONS}
    # Launch buttons are our own (`launch`): the theme's would open the text of the page.
    if not url:
        return options | {"repository_url": "", "launch_buttons": {}}
    return options | {
        "repository_url": url,
        "repository_branch": environment.get(BRANCH_VARIABLE) or DEFAULT_BRANCH,
        # Self-hosted forges whose name tells nothing mostly share GitHub's scheme of links.
        "repository_provider": forge(url) or "github",
        "launch_buttons": {},
    }


def _apply(app: Sphinx, config: Config) -> None:
    config.html_theme_options = dict(config.html_theme_options) | theme_options()


def setup(app: Sphinx) -> None:
    """Connect the repository's buttons to a Sphinx application."""
    app.connect("config-inited", _apply)

"""Ways to run a page: buttons at its head, and one line at its foot that needs no script.

A page with code can be downloaded as a notebook and as its source. Where the address of the
repository is known it can be opened in Binder and Colab, and in the JupyterHub of a class where the
address of that is known too. The theme's own launch buttons would open the text of the page instead
of its notebook; its menu of downloads is kept and completed.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from fearless.book.sphinx.running.notebooks import FOLDER, is_notebook
from fearless.book.sphinx.running.repository import launch_links

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["foot", "setup"]

_LOGOS = {
    "Binder": "_static/images/logo_binder.svg",
    "Colab": "_static/images/logo_colab.png",
    "JupyterHub": "_static/images/logo_jupyterhub.svg",
}


def foot(notebook: str, source: str, launch: dict[str, str]) -> str:
    """Return the line at the foot of a page that says how to run it.

    Parameters
    ----------
    notebook, source : str
        Where the notebook and the source of the page are, from the page; a source of "" is left
        out.
    launch : dict of str to str
        Addresses that open the notebook, by the name of the service.
    """
    live = [f'<a href="{escape(url)}">{name}</a>' for name, url in launch.items()]
    commas = f"{', '.join(live[:-1])} or {live[-1]}" if len(live) > 1 else "".join(live)
    ways = [f"open it in {commas}"] if live else []
    ways.append(f'<a href="{escape(notebook)}" download>download the notebook</a>')
    if source:
        ways.append(f'read its <a href="{escape(source)}">source</a>')
    comma = "," if len(ways) > 2 else ""
    text = f"{', '.join(ways[:-1])}{comma} or {ways[-1]}" if len(ways) > 1 else ways[0]
    return (
        '<aside class="run-page" aria-label="Run this page">'
        f"<p><strong>Run this page.</strong> It is a notebook: {text}.</p></aside>"
    )


def buttons(launch: dict[str, str]) -> dict[str, Any]:
    """Return the theme's description of a menu of buttons that open the notebook."""
    return {
        "type": "group",
        "tooltip": "Open this page as a live notebook",
        "icon": "fas fa-rocket",
        "label": "launch-buttons",
        "buttons": [
            {
                "type": "link",
                "text": name,
                "tooltip": f"Open this page in {name}",
                "icon": _LOGOS[name],
                "url": url,
            }
            for name, url in launch.items()
        ],
    }


def _add(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    if doctree is None or app.builder.name != "html" or not is_notebook(app, pagename):
        return
    pathto, launch = context["pathto"], launch_links(pagename)
    notebook = pathto(f"{FOLDER}/{pagename}.ipynb", 1)
    source = context.get("sourcename") if context.get("has_source") else ""
    if source:
        source = pathto(f"_sources/{source}", 1)
    context["body"] = context.get("body", "") + foot(notebook, source, launch)
    header = context.get("header_buttons")
    if header is None:  # another theme
        return
    for group in header:
        if group.get("label") == "download-buttons":
            group["buttons"].insert(
                0,
                {
                    "type": "link",
                    "url": notebook,
                    "text": ".ipynb",
                    "icon": "fas fa-code",
                    "tooltip": "Download this page as a notebook",
                    "label": "download-notebook-button",
                },
            )
    if launch:
        header.insert(0, buttons(launch))


def setup(app: Sphinx) -> None:
    """Add the ways to run a page, after the theme has made its own buttons."""
    app.connect("html-page-context", _add, priority=600)

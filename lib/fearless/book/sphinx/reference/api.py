"""The reference of the library, generated from its docstrings.

``{api} fearless.solvers.cg`` on a page describes everything public that belongs to the module,
under its shortest name, and makes the module itself a target of references. autodoc and numpydoc
do the work. Here are the choices that make the result readable: types as they are written in the
source, methods of private base classes with the class that has them, backticks that find what
they name, links to the pages of the book, and links to the source where its address is known.

``{api} fearless.experiments.optimization.*`` does so for the package and the modules in it, ``.**``
for those below them, too. ``{api-contents}`` is the list of what a page describes.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

from fearless.book.sphinx.reference import docstrings
from fearless.book.sphinx.reference.library import PACKAGE, catalog, members, public_modules
from fearless.book.sphinx.reference.used_in import said
from fearless.book.sphinx.running import repository

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment

__all__ = ["Api", "ApiContents", "setup"]

logger = logging.getLogger(__name__)

_FENCE = "`" * 12

# Libraries whose names docstrings mention; nothing of theirs is on the site.
OTHERS = ("joblib", "matplotlib", "numpy", "scipy", "sklearn", "torch")

# What the directive decides once for the whole reference; `_config.yml` can still say otherwise.
SETTINGS = {
    "autodoc_typehints": "none",  # `_signature` writes them
    "autodoc_member_order": "bysource",
    "autodoc_preserve_defaults": True,
    "default_role": "py:obj",
    "numpydoc_show_class_members": False,
    "numpydoc_class_members_toctree": False,
    "toc_object_entries_show_parents": "hide",
}


class contents_node(nodes.General, nodes.Element):
    """Where the list of a page's entries goes."""


class Api(SphinxDirective):
    """``{api} module``: everything public that belongs to the module."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        modules = named_modules(self.arguments[0])
        if not modules:
            logger.warning(
                f"the reference describes {self.arguments[0]!r}, but there is no such module",
                location=self.get_location(),
                type="fearless",
                subtype="api",
            )
        lines = []
        for module in modules:
            lines += reference_source(module, headed=len(modules) > 1)
            entries = catalog().of_module(module)
            _described(self.env).setdefault(self.env.docname, []).extend(e.name for e in entries)
        # The docstrings are reStructuredText, the pages are Markdown.
        fenced = StringList([f"{_FENCE}{{eval-rst}}", *lines, _FENCE], self.get_source_info()[0])
        node = nodes.Element()
        self.state.nested_parse(fenced, self.content_offset, node)
        return node.children


class ApiContents(SphinxDirective):
    """``{api-contents}``: names and first lines of all that the page describes."""

    def run(self) -> list[nodes.Node]:
        return [contents_node()]


def named_modules(pattern: str) -> list[str]:
    """List the public modules that an argument names: one, those of a package, or all below it."""
    package, _, star = pattern.partition(".*")
    public = list(public_modules())

    def named(module: str) -> bool:
        if module == package:
            return True
        if star == "*":
            return module.startswith(f"{package}.")
        # A package inside the package is named by a pattern of its own.
        inside = pattern.endswith(".*") and module.rpartition(".")[0] == package
        return inside and not any(other.startswith(f"{module}.") for other in public)

    return [module for module in public if named(module)]


def reference_source(module: str, *, headed: bool = False) -> list[str]:
    """Write the reStructuredText that describes a module: its first paragraph, then its entries."""
    doc = inspect.getdoc(importlib.import_module(module)) or ""
    # A function can have the name of its module; then it is what the name leads to.
    lines = [] if module in catalog().entries else [f".. py:module:: {module}", ""]
    entries = catalog().of_module(module)
    if entries and headed:
        lines += [f".. rubric:: {module}", "   :class: api-module", ""]
    if entries:
        lines += [*doc.split("\n\n")[0].splitlines(), ""]
    for entry in entries:
        lines += [f".. auto{entry.kind}:: {entry.name}"]
        if entry.kind == "class":
            home, _, name = entry.name.rpartition(".")
            listed = members(getattr(importlib.import_module(home), name))
            lines += [f"   :members: {', '.join(listed)}"] * bool(listed)
        lines += [""]
    return lines


def _signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str, str] | None:
    """Put the types into a signature as they are written in the source, not as they evaluate."""
    if signature is None or what not in ("class", "function", "method"):
        return None
    try:
        full = inspect.signature(obj)
    except (TypeError, ValueError):
        return None
    kept = [p for p in full.parameters.values() if re.search(rf"\b{p.name}\b", signature)]
    back = inspect.Signature.empty if what == "class" else full.return_annotation
    text = stringify_signature(full.replace(parameters=kept, return_annotation=back))
    text = re.sub(r"NDArray\[[\w., |]*\]", "NDArray", text)
    arguments, arrow, result = text.rpartition(" -> ")
    return (arguments, result) if arrow else (text, "")


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: nodes.Element, contnode: nodes.Element
) -> nodes.Node | None:
    """Find what a name in a docstring means: under another name, or by its last parts."""
    if node.get("refdomain") != "py":
        return None
    target, here = node["reftarget"], node.get("py:module") or ""
    objects = env.get_domain("py").objects
    known = meaning(target, here, objects)
    if known is None:
        # An argument, something private, another library: set as code, without a link.
        return contnode if is_code(target, here) else None
    found = objects[known]
    return make_refnode(app.builder, node["refdoc"], found.docname, found.node_id, contnode, known)


def meaning(target: str, here: str, described: Collection[str]) -> str | None:
    """Return which of the described names is meant by one in a docstring of the module `here`."""
    if target in described:
        return target
    if target.startswith("fearless.") and (known := catalog().find(target)) in described:
        return known
    near = here.split(".")

    def shared(name: str) -> int:
        pairs = zip(near, name.split("."), strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), len(near))

    names = sorted((name for name in described if name.endswith(f".{target}")), key=shared)
    if names:
        return names[-1]
    # What a class keeps is described with the class: ``RiskPath.norm``.
    owner, _, attribute = target.rpartition(".")
    known = meaning(owner, here, described) if owner else None
    entry = catalog().entries.get(known or "")
    return known if entry and attribute in _identifiers(entry.module) else None


def is_code(target: str, here: str) -> bool:
    """Tell whether a name is of another library, or known in a module or in those it re-exports."""
    modules = {e.module for e in catalog().entries.values() if e.name.rpartition(".")[0] == here}
    return target.partition(".")[0] in OTHERS or any(
        target in _identifiers(module) for module in {here, *modules}
    )


@cache
def _identifiers(module: str) -> frozenset[str]:
    """Return every name in the code of a module, strings and comments left out."""
    try:
        tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    except (ImportError, ValueError, OSError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        found |= {getattr(node, key) for key in ("id", "arg", "attr", "name") if hasattr(node, key)}
    return frozenset(found - {None})


def _list_contents(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(contents_node)):
        items = nodes.bullet_list(classes=["api-contents"])
        for name in _described(app.env).get(docname, ()):
            entry = catalog().entries[name]
            link = nodes.reference("", "", refuri=f"#{name}", internal=True)
            link += nodes.literal("", name.rpartition(".")[2])
            line = nodes.paragraph("", "", link)
            if entry.summary:
                line += nodes.Text(" ")
                line += nodes.inline("", "", *said(entry.summary), classes=["api-summary"])
            items += nodes.list_item("", line)
        place.replace_self(items)


def source_address(domain: str, info: dict[str, str]) -> str | None:
    """Return where the source of an object can be read, None while no address is known."""
    url = repository.repository_url()
    if not url or domain != "py":
        return None
    try:
        obj = importlib.import_module(info["module"])
        for part in info["fullname"].split("."):
            obj = getattr(obj, part)
        obj = inspect.unwrap(obj.fget if isinstance(obj, property) else obj)
        path = inspect.getsourcefile(obj)
        lines, first = inspect.getsourcelines(obj)
    except (ImportError, AttributeError, TypeError, OSError):
        return None
    if path is None or not path.startswith(str(PACKAGE)):
        return None
    branch = repository.theme_options().get("repository_branch", repository.DEFAULT_BRANCH)
    inside = path[len(str(PACKAGE)) :].replace("\\", "/")
    return f"{url}/blob/{branch}/lib/fearless{inside}#L{first}-L{first + len(lines) - 1}"


def _described(env: Any) -> dict[str, list[str]]:
    if not hasattr(env, "fearless_described"):
        env.fearless_described = {}
    return env.fearless_described


def _purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    _described(env).pop(docname, None)


def _configure(app: Sphinx, config: Config) -> None:
    given = config.overrides.keys() | config._raw_config.keys()
    for name, value in SETTINGS.items():
        if name not in given:
            config[name] = value
    # Types of other libraries in signatures; names in docstrings must be found.
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, ("py:class", ".*")]
    config.linkcode_resolve = source_address


def setup(app: Sphinx) -> None:
    """Connect the reference to a Sphinx application."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.linkcode")
    app.setup_extension("numpydoc")
    app.add_node(contents_node)
    app.add_directive("api", Api)
    app.add_directive("api-contents", ApiContents)
    app.connect("config-inited", _configure, priority=100)
    app.connect("autodoc-process-signature", _signature)
    docstrings.setup(app)
    app.connect("missing-reference", _resolve)
    app.connect("doctree-resolved", _list_contents)
    app.connect("env-purge-doc", _purge)

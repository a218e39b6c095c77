"""Who needs torch: found in the code, said on the page, and clear when it is not there."""

from pathlib import Path

import pytest

import fearless.networks
from fearless.book.running.torch_pages import EASY, declares_torch, torch_chain
from fearless.book.scan import code_cells
from fearless.networks import TorchMissing, require_torch

CHAPTERS = Path(__file__).resolve().parents[3] / "chapters"
PAGES = [
    path
    for path in sorted(CHAPTERS.rglob("*.md"))
    if code_cells(path) and not {"solutions", "teaching"} & set(path.parts)
]


def write(path, *cells):
    fenced = "\n".join(f"```{{code-cell}} ipython3\n{cell}\n```\n" for cell in cells)
    path.write_text(
        "---\nkernelspec:\n  display_name: P\n  language: python\n  name: python3\n---\n# P\n\n"
        + fenced
    )
    return path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_exactly_the_pages_that_train_networks_say_so_in_their_first_cell(page):
    chain = torch_chain(page)
    assert declares_torch(page) == bool(chain), (
        f"{page.stem} needs torch, through {' -> '.join(chain)}: its first cell has to call "
        "require_torch()"
        if chain
        else f"{page.stem} needs no torch, but its first cell asks for it"
    )


def test_most_pages_need_none():
    needing = [page for page in PAGES if torch_chain(page)]
    assert 5 <= len(needing) < len(PAGES) / 2


CURVES = "from fearless.experiments.double_descent.networks import"
WIDE = "from fearless.experiments.kernel_regimes import wide_training as w"


@pytest.mark.parametrize(
    ("cells", "ends"),
    [
        (["import torch"], "torch"),
        (["from fearless.networks import train as t\nt()"], "fearless.networks.train"),
        (["from fearless.networks import ReLUMemorizer\nReLUMemorizer()"], None),
        # Another function of the same module, and the one that trains.
        ([f"{CURVES} coarse_digits as c\nc()"], None),
        (["x = 1", f"{CURVES} network_curve as c\nc()"], "fearless.networks"),
        # Through a module that is imported as a name, by one of its functions.
        ([f"{WIDE}\nw.wide_training()"], "torch"),
        (["from fearless.experiments.double_descent import trees\ntrees.averaging_law()"], None),
    ],
)
def test_chains(tmp_path, cells, ends):
    chain = torch_chain(write(tmp_path / "p.md", *cells))
    if ends is None:
        assert chain == []
    else:
        assert chain[-1].startswith(ends)


def test_only_the_first_cell_counts(tmp_path):
    call = "from fearless.networks import require_torch\n\nrequire_torch()"
    assert declares_torch(write(tmp_path / "p.md", call, "x"))
    assert not declares_torch(write(tmp_path / "p.md", "x", call))


class TestWithoutTorch:
    @pytest.fixture(autouse=True)
    def _no_torch(self, monkeypatch):
        monkeypatch.setattr("fearless.networks.requirement.find_spec", lambda name: None)

        def refuse(name):
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

        monkeypatch.setattr("fearless.networks.import_module", refuse)

    @pytest.mark.parametrize("name", ["FullyConnected", "train"])
    def test_names_that_need_it_say_so(self, name):
        with pytest.raises(TorchMissing, match=r"pip install torch --index-url"):
            getattr(fearless.networks, name)

    def test_the_call_of_the_pages(self):
        with pytest.raises(ImportError, match=r"torch is not installed") as caught:
            require_torch()
        assert caught.value.name == "torch"
        # What Jupyter shows: the message, no frames.
        assert caught.value._render_traceback_() == [f"TorchMissing: {caught.value}"]

    def test_what_is_easy_is_there(self):
        assert {name for name in EASY if name in vars(fearless.networks)} >= {"ReLUMemorizer"}


def test_with_torch_nothing_happens():
    pytest.importorskip("torch")
    require_torch()


def test_another_missing_module_is_not_blamed_on_torch(monkeypatch):
    def refuse(name):
        raise ModuleNotFoundError("No module named 'else'", name="else")

    monkeypatch.setattr("fearless.networks.import_module", refuse)
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'else'"):
        _ = fearless.networks.train

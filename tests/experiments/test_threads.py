"""One thread for small networks: the setting comes back, after errors too."""

import pytest
import torch

from fearless.experiments._threads import one_thread


def fail_on_one_thread():
    with one_thread():
        raise RuntimeError(f"threads: {torch.get_num_threads()}")


def test_the_number_of_threads_comes_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError, match="threads: 1"):
            fail_on_one_thread()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

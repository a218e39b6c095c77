"""The methods of :mod:`fearless.optimization` for the parameters of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from fearless.optimization.methods import Method

__all__ = ["MethodOptimizer"]


class MethodOptimizer(torch.optim.Optimizer):
    r"""Train a module by any `Method`, in the loop that PyTorch users know.

    The parameters hold the *query point*, where the method wants its next gradient. For gradient
    descent and heavy ball that is the iterate w_t; Nesterov's method and MaSS look ahead to
    u_t. The iterate itself, to measure a loss, is there inside ``with optimizer.iterate():``.
    Where the parameters are changed between two steps, all points of the method move along.

    Parameters
    ----------
    params : iterable of torch.Tensor or of dict
        The parameters, for example ``model.parameters()``; several groups take the same steps,
        and have no options of their own.
    method : Method
        The method, with numbers for hyperparameters.

    Raises
    ------
    TypeError, ValueError
        An argument is not as described.

    Notes
    -----
    Cost of a step: that of its additions, on the device of the parameters. ``state_dict()`` holds
    the state of the method. Used in the section "Big steps".

    Examples
    --------
    >>> import torch
    >>> from fearless.optimization import Nesterov
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = MethodOptimizer(model.parameters(), Nesterov(0.1, 0.9))
    >>> for _ in range(10):
    ...     optimizer.zero_grad()
    ...     loss = model(torch.ones(3, 2)).square().mean() / 2
    ...     loss.backward()
    ...     _ = optimizer.step()
    >>> with optimizer.iterate():
    ...     outputs = model(torch.ones(3, 2))
    """

    def __init__(
        self, params: Iterable[torch.Tensor] | Iterable[dict[str, Any]], method: Method
    ) -> None:
        if not isinstance(method, Method):
            raise TypeError(f"method is {type(method).__name__}; expected a Method")
        if method.n_runs is not None:
            raise ValueError(
                f"method has hyperparameters for {method.n_runs} runs; expected numbers, for one"
            )
        self.method = method
        super().__init__(params, defaults={})
        for group in self.param_groups:
            if unknown := sorted(set(group) - {"params"}):
                raise ValueError(
                    f"params has a group with the option(s) {', '.join(unknown)}; expected "
                    "parameters only: the method holds all hyperparameters"
                )

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """Make a step with the gradients that the parameters hold.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and the gradients anew, and returns the loss.

        Returns
        -------
        torch.Tensor or None
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for parameter in self._parameters():
            if parameter.grad is None:
                continue
            memory = self.state[parameter]
            if not memory:
                memory["step"] = 0
                memory["points"] = self.method.start(parameter.detach().clone())
            t = memory["step"]
            gradient = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
            points = self.method.step(self._points(parameter), gradient, t)
            memory["step"], memory["points"] = t + 1, points
            parameter.copy_(self.method.query(points, t + 1))
        return loss

    @contextmanager
    def iterate(self) -> Iterator[None]:
        """Let the parameters hold the iterates w_t, until the end of the ``with`` block.

        Returns
        -------
        context manager
            Parameters changed inside the block are put back to the query points after it.
        """
        moved = [p for p in self._parameters() if p in self.state]
        queries = [p.detach().clone() for p in moved]
        with torch.no_grad():
            for parameter in moved:
                parameter.copy_(self._points(parameter)[0])
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, query in zip(moved, queries, strict=True):
                    parameter.copy_(query)

    def _points(self, parameter: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the points of the method; all move along where someone moved the parameter."""
        memory = self.state[parameter]
        query = self.method.query(memory["points"], memory["step"])
        if torch.equal(parameter, query):
            return memory["points"]
        return tuple(point + (parameter - query) for point in memory["points"])

    def _parameters(self) -> Iterator[torch.Tensor]:
        for group in self.param_groups:
            yield from group["params"]

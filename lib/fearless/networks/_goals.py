"""What the members of a stack are trained towards: losses, misses and gradients by hand."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from fearless._validation import check_labels, check_option, check_targets
from fearless.networks.run import as_tensor


class Goals:
    """Targets of several networks on the same inputs, or one set of targets shared by all.

    Parameters
    ----------
    values : Tensor of shape (s, n) or (s, n, n_outputs)
        Codes of the classes, or real targets; s is 1 (shared) or the number of members.
    classes : ndarray or None
        The label of each code; None for real targets.
    loss : {"square", "cross-entropy"}
    n_members : int
    dtype : torch.dtype
    """

    def __init__(
        self,
        values: torch.Tensor,
        classes: NDArray | None,
        loss: str,
        n_members: int,
        dtype: torch.dtype,
    ) -> None:
        check_option(loss, "loss", ("square", "cross-entropy"))
        if classes is None and loss != "square":
            raise ValueError("Y holds real targets; expected loss='square' and another stop")
        self.classes, self.loss, self.n_members = classes, loss, n_members
        self.labels = classes is not None
        self.n_outputs = len(classes) if self.labels else values.shape[2]
        self._codes = values if self.labels else None
        if self.labels:
            self._targets = nn.functional.one_hot(values, self.n_outputs).to(dtype)
        else:
            self._targets = values

    @classmethod
    def read(
        cls, Y: ArrayLike, X: torch.Tensor, loss: str, n_members: int = 1, name: str = "Y"
    ) -> Goals:
        """Read labels or real targets that all members share."""
        if np.asarray(Y).dtype.kind in "iu":
            check_labels(Y, name)
            classes, codes = np.unique(Y, return_inverse=True)
            values = torch.from_numpy(codes)
        else:
            classes = None
            values = as_tensor(check_targets(Y, name), name, vector=True, dtype=X.dtype)
        if len(values) != len(X):
            raise ValueError(f"{name} has {len(values)} rows; expected {len(X)}, as X")
        return cls(values[None], classes, loss, n_members, X.dtype)

    def compare(
        self, outputs: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return loss and misses of every member, and the gradient of its mean loss.

        Both are sums over the rows; of real targets, "misses" is the loss. The gradient is that
        with respect to ``outputs``, of shape (members, rows, n_outputs).
        """
        outputs = outputs.detach()
        targets = self._targets[:, rows]
        if self.loss == "square":
            gradient = outputs - targets
            losses = gradient.square().sum(dim=(1, 2))
            gradient *= 2 / len(rows)
        else:
            logs = outputs.log_softmax(dim=2)
            losses = -(targets * logs).sum(dim=(1, 2))
            gradient = logs.exp_().sub_(targets).div_(len(rows))
        if not self.labels:
            return losses, losses, gradient
        # Along a strided axis argmax is several times slower than a copy.
        misses = (outputs.contiguous().argmax(dim=2) != self._codes[:, rows]).sum(dim=1)
        return losses, misses, gradient

    def keep(self, members: list[int]) -> None:
        """Forget the targets of all other members."""
        self.n_members = len(members)
        if len(self._targets) > 1:
            self._targets = self._targets[members]
            self._codes = None if self._codes is None else self._codes[members]

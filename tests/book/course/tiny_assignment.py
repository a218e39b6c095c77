"""A complete assignment of two questions and a half, for the tests of the engine."""

from pathlib import Path

from small_project import KERNEL

NAME = "1-tiny"

SOURCE = (
    KERNEL
    + '''\
assignment:
  part: double-descent
  hours: 0.5
  objectives:
    - square numbers, and say why;
    - find the least-norm solution of a small system.
---

# A tiny assignment

You will keep a function that squares, and one that solves $Xw = y$ with the least $\\norm{w}$.

```{code-cell} ipython3
import numpy as np


def residual(X, w, y):
    return X @ w - y
```

```{question} q1 Squares
:points: 3
:minutes: 5
Write `square(x)`, which returns $x^2 \\in \\R$.
```

```{code-cell} ipython3
def square(x):
    """Return the square of x."""
    # BEGIN SOLUTION
    product_of_two = x * x
    return product_of_two
    # END SOLUTION
```

```{public-check} q1
:points: 1
:failure: try it by hand with x = 3
assert square(3) == 9, f"the square of 3 is 9; yours is {square(3)}"
```

```{hidden-check} q1
:points: 2
:failure: what happens to "negative" numbers, \\ and fractions?
rng = instance("q1")
for hidden_number in rng.normal(size=5):
    assert abs(square(hidden_number) - hidden_number**2) < 1e-12, f"not at {hidden_number}"
```

## Least norm

```{question} q2 The least-norm solution
:points: 4
:minutes: 10
Write `least_norm(X, y)`.
```

```{code-cell} ipython3
def least_norm(X, y):
    # BEGIN SOLUTION
    return np.linalg.pinv(X) @ y
    # END SOLUTION
```

Show how well it fits.

```{code-cell} ipython3
X = np.arange(6.0).reshape(2, 3)
y = np.ones(2)
print(least_norm(X, y))
```

```{public-check} q2
:points: 1
:failure: does your w solve the system?
:success: it solves the system.
w = least_norm(X, y)
assert w is not None, "least_norm returns nothing yet"
assert np.abs(residual(X, w, y)).max() < 1e-9, "X @ w differs from y"
```

```{hidden-check} q2
:points: 3
:failure: among all solutions the least-norm one lies in the span of the rows
rng = instance("q2")
A, b = rng.normal(size=(4, 9)), rng.normal(size=4)
w = least_norm(A, b)
assert np.abs(residual(A, w, b)).max() < 1e-8
assert np.linalg.norm(w) <= np.linalg.norm(np.linalg.lstsq(A, b)[0]) * (1 + 1e-9)
```

```{question} q3 In your own words
:points: 2
:minutes: 5
:manual:
Why is the least-norm solution in the span of the rows?
```

```{model-answer} q3
Anything orthogonal to the rows could be taken away without changing the fit, only the norm.
```
'''
)

WRONG = {
    "positive.py": """\
# points: q1=1
# Right for positive numbers alone.
def square(x):
    return abs(x) * x
""",
    "shifted.py": """\
# points: q2=1
# Another solution, shifted along the null space.
from scipy.linalg import lstsq


def least_norm(X, y):
    return lstsq(X, y)[0] + np.linalg.svd(X)[2][-1]
""",
    "cube.py": """\
# points: q1=0, q2=4
# The wrong power.
def square(x):
    return x**3
""",
}


def write(folder: Path, source: str = SOURCE, wrong: dict[str, str] = WRONG) -> Path:
    """Write the assignment below a folder; returns its folder."""
    place = folder / NAME
    (place / "wrong").mkdir(parents=True)
    (place / "assignment.md").write_text(source, encoding="utf8")
    for name, code in wrong.items():
        (place / "wrong" / name).write_text(code, encoding="utf8")
    return place

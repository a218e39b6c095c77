"""neural-tangents at work, in an environment of its own: it wants an older JAX and NumPy.

Run by ``_tangent_contests.py`` with the interpreter named in the environment variable
NEURAL_TANGENTS_PYTHON. It reads points from a file, compiles, and says "ready" with its versions;
then for every line on its input it computes the kernel matrix, stores it and prints the seconds.
"""

import math
import sys
import time
from importlib.metadata import version

import jax
import numpy as np
from neural_tangents import stax

points, result, depth = sys.argv[1], sys.argv[2], int(sys.argv[3])
X = np.load(points)
dense = {"W_std": math.sqrt(2), "b_std": 0.0}
layers = [layer for _ in range(depth) for layer in (stax.Dense(512, **dense), stax.Relu())]
*_, function = stax.serial(*layers, stax.Dense(1, **dense))
compiled = jax.jit(function, static_argnames="get")
compiled(X, None, get="ntk").block_until_ready()
names = ("neural-tangents", "jax")
print("ready", ", ".join(f"{name} {version(name)}" for name in names), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    values = np.asarray(compiled(X, None, get="ntk"))
    seconds = time.perf_counter() - start
    np.save(result, values)
    print(seconds, flush=True)

"""Settings shared by all tests."""

import os

# Two threads, as at build time, whatever the machine has; one where tests run side by side. To be
# set before NumPy is imported.
_threads = "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = _threads
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis  # noqa: E402

# A shared machine makes the time of a single example meaningless. The examples are the same in
# every run, so that a change fails for what it changed; HYPOTHESIS_PROFILE=explore draws new ones.
hypothesis.settings.register_profile("fearless", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fearless"))

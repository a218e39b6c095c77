"""Interpolating models and the fast solvers behind them: the library of *Fit without Fear*.

The library is built in floors; a module imports only from the floors below its own
(``tests/test_floors.py`` enforces it), so that it can be read from the ground up:

==  ===========================================  ===================================================
8   ``fearless.book``                            claims, figures, sliders: what a page shows
7   ``fearless.experiments``                     one pure function per experiment of the book
6   ``fearless.machines``                        kernel machines and recursive feature machines
5   ``fearless.networks``                        neural networks and their tangent kernels (torch)
4   ``fearless.solvers``                         kernel systems and min-norm paths
..  ``fearless.optimization``                    descent methods and their landscapes
3   ``fearless.features``                        random Fourier and random ReLU features
..  ``fearless.linear``, ``fearless.local``      min-norm regression; local interpolation
2   ``fearless.kernels``                         kernels as callables ``K(X, Z) -> (n, m)``
1   ``fearless.linalg``                          LAPACK in place, QR updates
..  ``fearless.data``, ``fearless.theory``       real and synthetic data; closed forms
0   ``fearless.exceptions``                      warnings; argument checks (private)
==  ===========================================  ===================================================

``import fearless`` loads none of them, and floors 0 to 4 need only NumPy, SciPy and scikit-learn.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("fearless")

"""Closed forms and asymptotics that experiments and tests compare against, one subject a module.

``adversarial``
    Noise that is fitted: the distance to the nearest wrong label, and how often such labels win.
``bounds``
    Uniform bounds on the risk: margins, growth functions; floors of norms.
``effective_ranks``
    How many small eigenvalues a spectrum has, and what they say about fitted noise.
``epidemics``
    Final size and peak of an epidemic.
``gaussian_grid``
    The norm of noise fitted on a grid by the Gaussian kernel.
``laplace_line``
    The excess risk of the Laplacian interpolant on a line, which no bandwidth takes to zero.
``least_squares``
    Risk of the least-norm fit at finite size: Gaussian and Fourier models.
``linearity``
    How far networks are from linear in their weights: Hessians, bounds.
``local``
    Noise shares of averages over neighbours: singular kernels, nearest neighbours.
``minimax``
    Minimax rates of nonparametric regression.
``proportional``
    Risk of ridge and least-norm regression for any covariance, by its effective penalty.
``rademacher``
    Rademacher complexity of balls of a kernel's space.
``random_features``
    Risk of random features when samples, features and dimension grow together.
``random_interpolants``
    Distance of the interpolant of Gaussian features from that of their kernel: Student's law.
``rates``
    How fast optimization goes: batches, iterations.
``risk``
    Errors known exactly: Bayes rules of two Gaussians, nearest neighbours under label noise.
``simplices``
    Linear interpolants of noisy corners: noise shares, and signs when labels are flipped.
``sobolev``
    The norm and the interpolant of the Laplacian kernel on a line.
``spectra``
    Families of covariance spectra.
``starts``
    Risks of interpolants that differ by where gradient descent started.
"""

__all__: list[str] = []

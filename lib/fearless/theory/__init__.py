"""Closed forms and asymptotics that experiments and tests compare against, one subject a module.

``adversarial``
    Noise that is fitted: the distance to the nearest wrong label, and how often such labels win.
``bounds``
    Uniform bounds on the risk: margins, growth functions; floors of norms.
``local``
    Noise shares of averages over neighbours: singular kernels, nearest neighbours.
``rademacher``
    Rademacher complexity of balls of a kernel's space.
``rates``
    Minimax rates of nonparametric regression.
``risk``
    Errors known exactly: Bayes rules of two Gaussians, nearest neighbours under label noise.
``simplices``
    Linear interpolants of noisy corners: noise shares, and signs when labels are flipped.
"""

__all__: list[str] = []

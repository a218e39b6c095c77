# points: q3=0, q5=1
# Forgets that there are several outputs, and chooses the penalty by the training error.

import numpy as np


def losses_of(Phi, Y, Phi_new, Y_new, widths, penalty):
    """Return the squared error of ridge regression on some samples, at every width."""
    losses = []
    for N in widths:
        kernel = Phi[:, :N] @ Phi[:, :N].T + len(Phi) * penalty * np.eye(len(Phi))
        outputs = Phi_new[:, :N] @ (Phi[:, :N].T @ np.linalg.solve(kernel, Y))
        losses.append(np.mean(np.sum((outputs - Y_new) ** 2, axis=1)))
    return losses


def predicted_norms(Phi, Y, sigma, widths):
    """Return the mean squared norm with noise in one output alone."""
    means = []
    for N in widths:
        P = np.linalg.pinv(Phi[:, :N])
        means.append(np.sum((P @ Y) ** 2) + sigma**2 * np.sum(P**2))
    return np.array(means)


def tuned_path(Phi, Y, Phi_test, Y_test, widths, penalties):
    """Return the test loss with the penalty of the least training error."""
    test = np.array([losses_of(Phi, Y, Phi_test, Y_test, widths, lam) for lam in penalties])
    train = np.array([losses_of(Phi, Y, Phi, Y, widths, lam) for lam in penalties])
    best = train.argmin(axis=0)
    return test[best, np.arange(len(best))], np.asarray(penalties)[best]

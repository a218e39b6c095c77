# points: q1=4, q2=2.5, q3=2.5, q4=2, q5=0
# Penalises the sum of the squares, so that n is missing; computes every pseudoinverse anew.

import numpy as np


def append_column(P, Phi, a):
    """Return the right pseudoinverse, at the cost of a factorisation."""
    return np.linalg.pinv(np.column_stack([Phi, a]), rcond=1e-9)


def my_path(Phi, Y, Phi_test, Y_test, widths):
    """Return the right path, with a factorisation for every width."""
    weights = [np.linalg.pinv(Phi[:, :N]) @ Y for N in widths]
    losses = [loss_of(Phi_test[:, : len(beta)] @ beta, Y_test) for beta in weights]
    return np.array(losses), np.array([np.linalg.norm(beta) for beta in weights])


def predicted_norms(Phi, Y, sigma, widths):
    """Return the right means, from singular values."""
    means = []
    for N in widths:
        left, values, _ = np.linalg.svd(Phi[:, :N], full_matrices=False)
        fitted = np.sum((left.T @ Y / values[:, None]) ** 2)
        means.append(fitted + Y.shape[1] * sigma**2 * np.sum(values**-2.0))
    return np.array(means)


def fit_of_the_sum(Phi, Y, penalty):
    """Return the weights of the wrong penalty, and the inverse that they come from."""
    inverse = np.linalg.inv(Phi @ Phi.T + penalty * np.eye(len(Phi)))
    return Phi.T @ inverse @ Y, inverse


def loss_of(outputs, targets):
    """Return the squared error, summed over the outputs."""
    return np.mean(np.sum((outputs - targets) ** 2, axis=1))


def ridge_path(Phi, Y, Phi_test, Y_test, widths, penalty):
    """Return the test loss and the norm of the weights at every width."""
    weights = [fit_of_the_sum(Phi[:, :N], Y, penalty)[0] for N in widths]
    losses = [loss_of(Phi_test[:, : len(beta)] @ beta, Y_test) for beta in weights]
    return np.array(losses), np.array([np.linalg.norm(beta) for beta in weights])


def tuned_path(Phi, Y, Phi_test, Y_test, widths, penalties):
    """Return the test loss and the penalty chosen by leave-one-out at every width."""
    losses, chosen = [], []
    for N in widths:
        fits = [fit_of_the_sum(Phi[:, :N], Y, penalty) for penalty in penalties]
        errors = [np.sum((M @ Y / np.diag(M)[:, None]) ** 2) for _, M in fits]
        best = int(np.argmin(errors))
        losses.append(loss_of(Phi_test[:, :N] @ fits[best][0], Y_test))
        chosen.append(penalties[best])
    return np.array(losses), np.array(chosen)

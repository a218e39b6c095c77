"""The two figures of direct manipulation, as the tests show them."""

from dataclasses import replace

from fearless.book.manipulate_momentum import drag_momentum
from fearless.book.manipulate_points import drag_points
from fearless.experiments.interpolation.dragged_points import held_sample
from fearless.experiments.interpolation.line_picture import wave
from fearless.experiments.optimization.momentum_plane import MomentumSetting

NOISY = held_sample(seed=1)
CLEAN = replace(NOISY, y=wave(NOISY.x))
BALL = MomentumSetting("heavy ball", 1.5, 0.7, 20.0)
NESTEROV = replace(BALL, method="Nesterov")


def points():
    return drag_points(NOISY, {"noisy": NOISY, "clean": CLEAN, "wrong": CLEAN.moved(1.5)})


def plane():
    presets = {"ball": BALL.best(), "nesterov": NESTEROV.best(), "long": replace(BALL, step_size=4)}
    return drag_momentum(BALL, presets)


MAKERS = {"points": points, "momentum": plane}

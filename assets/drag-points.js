/* Noisy samples on a line to drag, and three interpolating rules that follow: the formulas of
   fearless.local and of fearless.experiments.interpolation.dragged_points, which
   tests/book/test_manipulate_browser.py compares with these. The samples are in order. */
(function () {
  "use strict";

  const drag = window.fearlessDrag;
  const PLACES = Array.from({ length: 1024 }, (_, k) => (k + 0.5) / 1024);
  const EVEN = Array.from({ length: 161 }, (_, k) => k / 160);
  const BESIDE = [-4e-3, -1e-3, -1e-7, 0, 1e-7, 1e-3, 4e-3];

  function truth(x) {
    return Math.sin(2 * Math.PI * x);
  }

  // The index of the first sample beyond q.
  function beyond(x, q) {
    let i = 0;
    while (i < x.length && x[i] <= q) {
      i += 1;
    }
    return i;
  }

  function nearest(x, y, q) {
    const i = beyond(x, q);
    if (i === 0 || i === x.length) {
      return y[i === 0 ? 0 : i - 1];
    }
    return q - x[i - 1] <= x[i] - q ? y[i - 1] : y[i];
  }

  // On a line simplices are the intervals between neighbours.
  function joined(x, y, q) {
    const i = beyond(x, q);
    if (i === 0 || i === x.length) {
      return y[i === 0 ? 0 : i - 1];
    }
    const w = (q - x[i - 1]) / (x[i] - x[i - 1]);
    return (1 - w) * y[i - 1] + w * y[i];
  }

  function singular(x, y, q, exponent, bandwidth) {
    let sum = 0;
    let total = 0;
    let least = Infinity;
    x.forEach(function (p) {
      least = Math.min(least, Math.abs(q - p));
    });
    if (least === 0 || least > bandwidth) {
      return nearest(x, y, q);
    }
    x.forEach(function (p, i) {
      const distance = Math.abs(q - p);
      if (distance <= bandwidth) {
        // Relative to the nearest, so that nothing overflows.
        const weight = Math.pow(distance / least, -exponent);
        sum += weight * y[i];
        total += weight;
      }
    });
    return sum / total;
  }

  function predict(x, y, q, settings) {
    return [
      nearest(x, y, q),
      joined(x, y, q),
      singular(x, y, q, settings.exponent, settings.bandwidth),
    ];
  }

  function risks(x, y, settings) {
    const sums = [0, 0, 0];
    PLACES.forEach(function (q) {
      predict(x, y, q, settings).forEach(function (value, k) {
        sums[k] += (value - truth(q)) * (value - truth(q));
      });
    });
    return sums.map((sum) => sum / PLACES.length);
  }

  function costs(x, y, held, settings) {
    const clean = y.slice();
    clean[held] = truth(x[held]);
    const less = risks(x, clean, settings);
    return risks(x, y, settings).map((risk, k) => risk - less[k]);
  }

  function curves(x, y, settings) {
    const steps = [[0, y[0]]];
    for (let i = 1; i < x.length; i += 1) {
      const middle = (x[i - 1] + x[i]) / 2;
      steps.push([middle, y[i - 1]], [middle, y[i]]);
    }
    steps.push([1, y[y.length - 1]]);
    const dots = x.map((p, i) => [p, y[i]]);
    const dense = EVEN.slice();
    x.forEach((p) => dense.push(...BESIDE.map((step) => p + step)));
    const kernel = dense
      .filter((q) => q >= 0 && q <= 1)
      .sort((a, b) => a - b)
      .map((q) => [q, singular(x, y, q, settings.exponent, settings.bandwidth)]);
    return [steps, [[0, y[0]], ...dots, [1, y[y.length - 1]]], kernel];
  }

  function finding(state, settings) {
    const distance = state.y[state.held] - truth(state.x[state.held]);
    const all = risks(state.x, state.y, settings).map((v) => drag.fixed(v, 3));
    const point = `Point ${state.held + 1} of ${state.x.length} is `;
    if (Math.abs(distance) < 0.005) {
      return (
        `${point}on the truth. The mean squared distance to it is ${all[0]} for one nearest ` +
        `neighbour, ${all[1]} for the joined dots and ${all[2]} for the singular kernel.`
      );
    }
    const one = costs(state.x, state.y, state.held, settings).map((v) => drag.fixed(v, 3));
    return (
      `${point}${Math.abs(distance).toFixed(2)} ` +
      `${distance > 0 ? "above" : "below"} the truth. That alone costs one nearest neighbour ` +
      `${one[0]}, the joined dots ${one[1]} and the singular kernel ${one[2]} in mean squared ` +
      `distance to the truth, which is ${all[0]}, ${all[1]} and ${all[2]} in all.`
    );
  }

  window.fearlessDrag.points = { predict: predict, risks: risks, costs: costs, finding: finding };

  drag.register("points", function (figure, data) {
    let state = JSON.parse(JSON.stringify(data.start));
    const [low, high] = data.labels;
    const round = (value) => Math.round(value * 1000) / 1000;
    const lines = data.rules.map((rule) =>
      figure.line(0, { style: `stroke:${rule.color};stroke-width:${rule.width}` })
    );

    // A point cannot pass its neighbours.
    function put(i, x, y) {
      const left = i === 0 ? 0 : state.x[i - 1];
      const right = i === state.x.length - 1 ? 1 : state.x[i + 1];
      state.x[i] = round(drag.clamp(x, left + data.gap, right - data.gap));
      state.y[i] = round(drag.clamp(y, low, high));
      state.held = i;
    }

    return {
      handles: state.x.map((_, i) => ({
        axis: 0,
        label: `Label of point ${i + 1}`,
        range: [low, high],
        radius: 4,
        reach: 16,
        at: () => [state.x[i], state.y[i]],
        value: () => ({
          now: state.y[i],
          text:
            `${drag.fixed(state.y[i], 2)} at x = ${drag.fixed(state.x[i], 2)}, ` +
            `truth ${drag.fixed(truth(state.x[i]), 2)}`,
          held: state.held === i,
        }),
        hold: function () {
          const changed = state.held !== i;
          state.held = i;
          return changed;
        },
        move: (x, y) => put(i, x, y),
        nudge: (dx, dy, far) =>
          put(i, state.x[i] + dx * (far ? 0.025 : 0.005), state.y[i] + dy * (far ? 0.5 : 0.1)),
      })),
      state: () => state,
      setState: function (next) {
        state = next;
      },
      tap: function (_, x, y) {
        const away = state.x.map((p) => Math.abs(p - x));
        const i = away.indexOf(Math.min(...away));
        put(i, state.x[i], y);
        return i;
      },
      draw: function () {
        curves(state.x, state.y, data).forEach(function (points, k) {
          lines[k].setAttribute("points", figure.axes[0].polyline(points));
        });
      },
      readouts: () => risks(state.x, state.y, data).map((risk) => drag.fixed(risk, 3)),
      finding: () => finding(state, data),
    };
  });
})();

/* The plane of step size and momentum with a point to drag, and the path of the method below: the
   formulas of fearless.experiments.optimization.momentum_plane and fearless.optimization.methods,
   which tests/book/test_manipulate_browser.py compares with these. */
(function () {
  "use strict";

  const drag = window.fearlessDrag;

  // The largest modulus of the roots of z² − b z + c, over the eigenvalues of the Hessian.
  function factor(method, step, momentum, eigenvalues) {
    return Math.max(
      ...eigenvalues.map(function (eigenvalue) {
        const left = 1 - step * eigenvalue;
        const b = method === "heavy ball" ? left + momentum : (1 + momentum) * left;
        const c = method === "heavy ball" ? momentum : momentum * left;
        const discriminant = b * b - 4 * c;
        return discriminant < 0
          ? Math.sqrt(Math.abs(c))
          : (Math.abs(b) + Math.sqrt(discriminant)) / 2;
      })
    );
  }

  function path(method, step, momentum, eigenvalues, from, steps) {
    const points = [from];
    let before = from;
    let ahead = from;
    for (let t = 0; t < steps; t += 1) {
      const now = points[t];
      const next = now.map(function (w, k) {
        if (method === "heavy ball") {
          return w - step * eigenvalues[k] * w + momentum * (w - before[k]);
        }
        return ahead[k] - step * eigenvalues[k] * ahead[k];
      });
      ahead = next.map((w, k) => w + momentum * (w - now[k]));
      before = now;
      points.push(next);
    }
    return points;
  }

  function count(rate) {
    return rate > 0 && rate < 1 ? (-1 / Math.log(rate)).toFixed(1) : "0.0";
  }

  function finding(state, data) {
    const rate = factor(state.method, state.step, state.momentum, data.eigenvalues);
    const name = state.method[0].toUpperCase() + state.method.slice(1);
    const [best, plain] = data.best[state.method];
    const of = (s) => count(factor(state.method, s.step, s.momentum, data.eigenvalues));
    return (
      `${name}, step size ${state.step.toFixed(2)}, momentum ${state.momentum.toFixed(2)}: ` +
      (rate >= 1
        ? `unstable, the error grows by a factor ${rate.toFixed(2)} a step in the long run.`
        : `stable, the error shrinks by a factor ${rate.toFixed(2)} a step in the long run, ` +
          `${count(rate)} steps per factor e.`) +
      ` The best setting, step size ${best.step.toFixed(2)} and momentum ` +
      `${best.momentum.toFixed(2)}, takes ${of(best)}; without momentum the best takes ` +
      `${of(plain)}.`
    );
  }

  window.fearlessDrag.momentum = { factor: factor, path: path, finding: finding };

  drag.register("momentum", function (figure, data) {
    let state = JSON.parse(JSON.stringify(data.start));
    const [[shortest, longest], [least, most]] = data.limits;
    const round = (value) => Math.round(value * 1000) / 1000;
    const line = figure.line(1, { style: "stroke:var(--fig-c0);stroke-width:1.1" });
    const dots = figure.group(1);

    function put(step, momentum) {
      state.step = round(drag.clamp(step, shortest, longest));
      state.momentum = round(drag.clamp(momentum, least, most));
    }

    return {
      handles: [
        {
          axis: 0,
          label: "Step size and momentum",
          range: [least, most],
          radius: 5,
          reach: 24,
          at: () => [state.step, state.momentum],
          value: function () {
            const rate = factor(state.method, state.step, state.momentum, data.eigenvalues);
            return {
              now: state.momentum,
              text:
                `step size ${state.step.toFixed(2)}, momentum ${state.momentum.toFixed(2)}, ` +
                (rate < 1 ? `${count(rate)} steps per factor e` : "unstable"),
              held: true,
            };
          },
          move: put,
          nudge: (dx, dy, far) =>
            put(
              state.step + dx * (far ? 0.25 : 0.05),
              state.momentum + dy * (far ? 0.1 : 0.01)
            ),
        },
      ],
      state: () => state,
      setState: function (next) {
        state = next;
      },
      ground: () => state.method,
      setGround: function (name) {
        state.method = name;
      },
      tap: function (i, x, y) {
        if (i !== 0) {
          return undefined;
        }
        put(x, y);
        return 0;
      },
      draw: function () {
        const all = path(
          state.method,
          state.step,
          state.momentum,
          data.eigenvalues,
          data.from,
          data.steps
        );
        // What has left the picture is not drawn further.
        const out = all.findIndex((p) => Math.max(Math.abs(p[0]), Math.abs(p[1])) > 1e3);
        const seen = out < 0 ? all : all.slice(0, out);
        line.setAttribute("points", figure.axes[1].polyline(seen));
        dots.replaceChildren();
        seen.forEach(function (p) {
          const [u, v] = figure.axes[1].to(p[0], p[1]);
          const place = { cx: u.toFixed(2), cy: v.toFixed(2), r: 2, class: "fig-dot" };
          figure.element("circle", place, dots);
        });
      },
      readouts: function () {
        const rate = factor(state.method, state.step, state.momentum, data.eigenvalues);
        return [
          state.step.toFixed(2),
          state.momentum.toFixed(2),
          rate.toFixed(3),
          rate < 1 ? count(rate) : "unstable",
        ];
      },
      finding: () => finding(state, data),
    };
  });
})();

/* Figures with something to take hold of: handles for mouse, touch and keyboard on the ground that
   the library has drawn. What moves with them is computed in drag-points.js and drag-momentum.js,
   which register here. Without this script the first picture shows.

   A kind is a function (figure, data) that returns {state, draw, finding, readouts, handles}:
   state() and setState(s); draw() redraws what moves; finding() and readouts() are texts; handles
   is a list of {axis, label, at, move(x, y), nudge(dx, dy, far), value()}; tap(axis, x, y) may
   move something where the reader has tapped. */
(function () {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  const REACH = 24; // of a finger, in CSS pixels
  const QUIET = 500; // milliseconds without a move before the finding is spoken
  const ARROWS = {
    ArrowLeft: [-1, 0, false],
    ArrowRight: [1, 0, false],
    ArrowUp: [0, 1, false],
    ArrowDown: [0, -1, false],
    PageUp: [0, 1, true],
    PageDown: [0, -1, true],
  };
  const kinds = {};

  function element(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (parent) {
      parent.appendChild(made);
    }
    return made;
  }

  // An axis of the ground: from data to the units of the picture, and back.
  function axis(description) {
    const [left, top, right, bottom] = description.box;
    const [[x0, x1], [y0, y1]] = [description.x, description.y];
    return {
      box: description.box,
      to: function (x, y) {
        return [
          left + ((x - x0) / (x1 - x0)) * (right - left),
          bottom - ((y - y0) / (y1 - y0)) * (bottom - top),
        ];
      },
      from: function (u, v) {
        return [
          x0 + ((u - left) / (right - left)) * (x1 - x0),
          y0 + ((bottom - v) / (bottom - top)) * (y1 - y0),
        ];
      },
      polyline: function (points) {
        const to = this.to;
        return points
          .map(function (p) {
            const [u, v] = to(p[0], p[1]);
            return u.toFixed(2) + "," + v.toFixed(2);
          })
          .join(" ");
      },
    };
  }

  // As Python writes it: a minus sign for a hyphen, and no negative zero.
  function fixed(value, digits) {
    const text = value.toFixed(digits);
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  }

  function clamp(value, low, high) {
    return Math.min(Math.max(value, low), high);
  }

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const make = kinds[root.dataset.drag];
    if (!make) {
      return;
    }
    const grounds = Array.from(root.querySelectorAll(".fig-live"));
    const spoken = root.querySelector(".fig-drag-finding");
    const numbers = root.querySelectorAll(".fig-readouts dd");
    const axes = data.axes.map(axis);
    let shown, moving, dragged, handles, clock;

    // The moving parts lie over the ground, clipped to their axes; the handles over everything.
    const layer = element("g", { class: "fig-moving" });
    const clips = axes.map(function (a, i) {
      const id = root.dataset.name + "-clip-" + i;
      const clip = element("clipPath", { id: id }, element("defs", {}, layer));
      const [left, top, right, bottom] = a.box;
      element("rect", { x: left, y: top, width: right - left, height: bottom - top }, clip);
      return element("g", { "clip-path": "url(#" + id + ")", "aria-hidden": "true" }, layer);
    });
    const grips = element("g", {}, layer);

    const figure = {
      axes: axes,
      // A line that later calls of draw() fill with points.
      line: function (i, attributes) {
        const base = { fill: "none", "stroke-linejoin": "round" };
        return element("polyline", Object.assign(base, attributes), clips[i]);
      },
      group: function (i) {
        return element("g", {}, clips[i]);
      },
      element: element,
    };
    const kind = make(figure, data);

    function ground(name) {
      const next = grounds.find((g) => g.dataset.ground === name) || grounds[0];
      if (next !== shown) {
        grounds.forEach((g) => (g.hidden = g !== next));
        shown = next;
        const focused = layer.contains(document.activeElement) && document.activeElement;
        shown.querySelector("svg").appendChild(layer);
        if (focused) {
          focused.focus({ preventScroll: true }); // what is moved in the document loses it
        }
      }
    }

    function update() {
      ground(kind.ground ? kind.ground() : "");
      kind.draw();
      handles.forEach(function (handle) {
        const [u, v] = axes[handle.axis].to(...handle.at());
        handle.grip.setAttribute("transform", "translate(" + u.toFixed(2) + " " + v.toFixed(2) + ")");
        const value = handle.value();
        handle.grip.setAttribute("aria-valuenow", value.now);
        handle.grip.setAttribute("aria-valuetext", value.text);
        handle.grip.classList.toggle("fig-held", value.held);
      });
      kind.readouts().forEach((text, i) => (numbers[i].textContent = text));
      const now = JSON.stringify(kind.state());
      root.querySelectorAll("[data-preset]").forEach(function (button) {
        const same = JSON.stringify(data.presets[button.dataset.preset]) === now;
        button.setAttribute("aria-pressed", String(same));
      });
      root.querySelectorAll("button[data-ground]").forEach(function (button) {
        button.setAttribute("aria-pressed", String(button.dataset.ground === kind.ground()));
      });
      window.clearTimeout(clock);
      clock = window.setTimeout(function () {
        const text = kind.finding();
        if (spoken.textContent !== text) {
          spoken.textContent = text;
        }
      }, QUIET);
    }

    // Where an event is, in the units of the picture.
    function place(event) {
      const svg = shown.querySelector("svg");
      const p = new DOMPoint(event.clientX, event.clientY);
      const q = p.matrixTransform(svg.getScreenCTM().inverse());
      return [q.x, q.y];
    }

    function nearest(event) {
      const reach = handles.map(function (handle) {
        const box = handle.grip.firstChild.getBoundingClientRect();
        const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
        return Math.hypot(event.clientX - x, event.clientY - y);
      });
      const least = Math.min(...reach);
      return least <= REACH ? handles[reach.indexOf(least)] : null;
    }

    function hold(event) {
      const handle = event.button === 0 && !moving ? nearest(event) : null;
      if (!handle) {
        return;
      }
      event.preventDefault(); // no selection of text
      handle.grip.focus({ preventScroll: true });
      const [u, v] = place(event);
      const [x, y] = axes[handle.axis].to(...handle.at());
      moving = { handle: handle, du: x - u, dv: y - v, id: event.pointerId };
      grips.setPointerCapture(event.pointerId);
    }

    function drag(event) {
      if (!moving || event.pointerId !== moving.id) {
        return;
      }
      const [u, v] = place(event);
      moving.handle.move(...axes[moving.handle.axis].from(u + moving.du, v + moving.dv));
      dragged = true;
      update();
    }

    function release(event) {
      if (moving && event.pointerId === moving.id) {
        moving = null;
      }
    }

    // A tap is the way for those who cannot drag. The click that ends a drag is none, though it may
    // be far from the handle, which stops at its neighbours and at the edge.
    function tap(event) {
      if (!kind.tap || dragged || nearest(event)) {
        return;
      }
      const [u, v] = place(event);
      axes.forEach(function (a, i) {
        const [left, top, right, bottom] = a.box;
        if (u >= left && u <= right && v >= top && v <= bottom) {
          const handle = kind.tap(i, ...a.from(u, v));
          if (handle !== undefined) {
            handles[handle].grip.focus({ preventScroll: true });
            update();
          }
        }
      });
    }

    function press(event, handle) {
      const step = ARROWS[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey) {
        return;
      }
      if (step) {
        handle.nudge(step[0], step[1], step[2] || event.shiftKey);
      } else if (event.key === "Home") {
        kind.setState(JSON.parse(JSON.stringify(data.start)));
      } else {
        return;
      }
      event.preventDefault();
      update();
    }

    handles = kind.handles;
    handles.forEach(function (handle) {
      const grip = element("g", {
        class: "fig-grip",
        tabindex: "0",
        role: "slider",
        "aria-label": handle.label,
        "aria-valuemin": handle.range[0],
        "aria-valuemax": handle.range[1],
        "aria-orientation": "vertical",
      });
      element("circle", { r: handle.reach, class: "fig-reach" }, grip);
      element("circle", { r: 9, class: "fig-ring" }, grip);
      element("circle", { r: handle.radius, class: "fig-dot" }, grip);
      grips.appendChild(grip);
      handle.grip = grip;
      grip.addEventListener("keydown", (event) => press(event, handle));
      grip.addEventListener("focus", function () {
        if (handle.hold && handle.hold()) {
          update();
        }
      });
    });
    // Not every browser heeds touch-action within a picture.
    grips.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    grips.addEventListener("pointerdown", hold);
    grips.addEventListener("pointermove", drag);
    grips.addEventListener("pointerup", release);
    grips.addEventListener("pointercancel", release);
    root.addEventListener("pointerdown", () => (dragged = false), true);
    root.addEventListener("click", function (event) {
      const button = event.target.closest("button");
      if (button && button.dataset.preset) {
        kind.setState(JSON.parse(JSON.stringify(data.presets[button.dataset.preset])));
        update();
      } else if (button && button.dataset.ground) {
        kind.setGround(button.dataset.ground);
        update();
      } else if (event.target.closest(".fig-live")) {
        tap(event);
      }
    });
    root.querySelector(".fig-still").hidden = true;
    root.querySelector(".fig-drag-controls").hidden = false;
    update();
    root.classList.add("fig-ready");
  }

  window.fearlessDrag = {
    clamp: clamp,
    fixed: fixed,
    register: function (name, make) {
      kinds[name] = make;
      const begin = function () {
        document.querySelectorAll(".fig-drag[data-drag='" + name + "']").forEach(start);
      };
      if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", begin);
      } else {
        begin();
      }
    },
  };
})();

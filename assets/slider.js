/* Brings the sliders of a page to life: the input chooses which of the frames is shown.
   Without this script the start frame shows and the control stays hidden. */
(function () {
  "use strict";

  var REST = 600; // milliseconds without a move before a frame is described

  // Who does not see the frame hears what it shows, when the slider has come to rest.
  function describe(slider, frame) {
    var finding = slider.querySelector(".fig-finding");
    window.clearTimeout(slider.fearlessClock);
    slider.fearlessClock = window.setTimeout(function () {
      finding.textContent = frame.querySelector("svg").getAttribute("aria-label");
    }, REST);
  }

  function show(slider, position) {
    var frames = slider.querySelectorAll(".fig-frame");
    var input = slider.querySelector("input[type=range]");
    var label = frames[position].dataset.label;
    frames.forEach(function (frame, i) {
      frame.hidden = i !== position;
    });
    input.value = position;
    input.setAttribute("aria-valuetext", label);
    slider.querySelector("output").textContent = label;
    slider.querySelectorAll("[data-jump]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.jump) === position));
    });
  }

  function move(slider, position) {
    show(slider, position);
    describe(slider, slider.querySelectorAll(".fig-frame")[position]);
  }

  function start(slider) {
    var input = slider.querySelector("input[type=range]");
    slider.querySelectorAll("[hidden]:not(.fig-frame)").forEach(function (part) {
      part.hidden = false;
    });
    show(slider, Number(input.getAttribute("value")));
    input.addEventListener("input", function () {
      move(slider, Number(input.value));
    });
    slider.addEventListener("click", function (event) {
      var button = event.target.closest("[data-jump]");
      if (button) {
        move(slider, Number(button.dataset.jump));
      }
    });
  }

  function startAll() {
    document.querySelectorAll(".fig-slider").forEach(start);
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", startAll);
  } else {
    startAll();
  }
})();

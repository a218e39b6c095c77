// Turns the pages of a deck, makes each fit its screen, and remembers the place in the address.
(function () {
  "use strict";
  var slides = Array.prototype.slice.call(document.querySelectorAll(".slide"));
  var at = 0;

  // The largest size, in steps, at which nothing is cut off; a slide that stays too long scrolls.
  function fit(slide) {
    var sheet = slide.querySelector(".sheet");
    var style = getComputedStyle(slide);
    var room = slide.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    for (var size = 1; size >= 0.5; size -= 0.05) {
      slide.style.setProperty("--fit", size.toFixed(2));
      if (sheet.scrollHeight <= room) { return; }
    }
  }

  function show(number, quietly) {
    at = Math.max(0, Math.min(slides.length - 1, number));
    slides.forEach(function (slide, k) { slide.classList.toggle("current", k === at); });
    document.querySelector(".deck-at").textContent = at + 1;
    fit(slides[at]);
    slides[at].scrollTop = 0;
    if (!quietly) { history.replaceState(null, "", "#slide-" + (at + 1)); }
  }

  function fromAddress() {
    var found = /^#slide-(\d+)$/.exec(location.hash);
    show(found ? found[1] - 1 : 0, true);
  }

  function switchTheme() {
    var root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  }

  function fill() {
    if (document.fullscreenElement) { document.exitFullscreen(); }
    else if (document.documentElement.requestFullscreen) { document.documentElement.requestFullscreen(); }
  }

  var keys = {
    ArrowRight: function () { show(at + 1); }, PageDown: function () { show(at + 1); },
    ArrowDown: function () { show(at + 1); }, " ": function () { show(at + 1); },
    ArrowLeft: function () { show(at - 1); }, PageUp: function () { show(at - 1); },
    ArrowUp: function () { show(at - 1); },
    Home: function () { show(0); }, End: function () { show(slides.length - 1); },
    t: switchTheme, f: fill, p: function () { print(); }
  };

  document.addEventListener("keydown", function (event) {
    var target = event.target;
    // A slider of a figure has the arrow keys for itself, a button the space bar.
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) { return; }
    if (target.tagName === "BUTTON" && event.key === " ") { return; }
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) { return; }
    event.preventDefault();
    keys[event.key]();
  });

  document.querySelector(".deck-bar").addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) { return; }
    if (button.dataset.go) { show(at + Number(button.dataset.go)); }
    else if ("themeSwitch" in button.dataset) { switchTheme(); }
    else if ("print" in button.dataset) { print(); }
  });

  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("resize", function () { fit(slides[at]); });
  // On paper every slide is seen, so every slide has to fit.
  window.addEventListener("beforeprint", function () {
    slides.forEach(function (slide) {
      slide.style.setProperty("--fit", slide.textContent.length > 1500 ? "0.75" : "0.95");
    });
  });
  window.addEventListener("afterprint", function () { fit(slides[at]); });
  fromAddress();
})();

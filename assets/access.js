/* What the theme leaves out for readers with a keyboard or a screen reader, as far as it depends on
   what the reader does: boxes that scroll can be reached, buttons say whether what they open is
   open, the search over the page closes and gives the focus back, and what happens is said.
   Without this script the page says less; nothing is lost. */
(function () {
  "use strict";

  var SCROLLING = ".bd-article :is(div.math, mjx-container, .pst-scrollable-table-container, table, " +
    "figure, .fig-inline, pre, .cell_output, .output)";

  /* A box wider than its place is a stop for the Tab key, as arrow keys scroll only what has the
     focus. A formula gets a role, without which it could not have a name. */
  function markScrolling() {
    document.querySelectorAll(SCROLLING).forEach(function (box) {
      var style = getComputedStyle(box).overflowX;
      var wide = (style === "auto" || style === "scroll") && box.scrollWidth > box.clientWidth + 1;
      if (wide && !box.hasAttribute("tabindex")) {
        box.tabIndex = 0;
        box.dataset.scrolls = "";
        if (box.matches("div.math, mjx-container") && !box.hasAttribute("role")) {
          box.setAttribute("role", "group");
          box.setAttribute("aria-label", "Formula");
        }
      } else if (!wide && "scrolls" in box.dataset) {
        box.removeAttribute("tabindex");
        delete box.dataset.scrolls;
        if (box.getAttribute("aria-label") === "Formula") {
          box.removeAttribute("role");
          box.removeAttribute("aria-label");
        }
      }
    });
  }

  function later(action, delay) {
    var timer = 0;
    return function () {
      clearTimeout(timer);
      timer = setTimeout(action, delay);
    };
  }

  /* A polite message for screen readers. */
  function announcer() {
    var region = document.createElement("div");
    region.className = "visually-hidden";
    region.setAttribute("role", "status");
    document.body.append(region);
    return function (text) {
      region.textContent = "";
      setTimeout(function () {
        region.textContent = text;
      }, 100);
    };
  }

  function watchSidebar(button) {
    var sidebar = document.getElementById(button.getAttribute("aria-controls"));
    if (!sidebar) {
      return;
    }
    var update = function () {
      var box = sidebar.getBoundingClientRect();
      var open = box.width > 0 && box.right > 1 && box.left < innerWidth - 1 &&
        getComputedStyle(sidebar).visibility === "visible";
      button.setAttribute("aria-expanded", String(open));
    };
    ["click", "keydown"].forEach(function (kind) {
      // The theme keeps the Escape key of a drawer to itself.
      document.addEventListener(kind, later(update, 350), true);
    });
    addEventListener("resize", later(update, 350));
    sidebar.addEventListener("transitionend", update);
    update();
  }

  /* The theme opens the search over the page; it closes it only from within its field. */
  function watchSearch(wrapper) {
    var opener = null;
    document.addEventListener("focusin", function (event) {
      if (!wrapper.contains(event.target)) {
        wrapper.classList.remove("show");
      } else if (event.relatedTarget && !wrapper.contains(event.relatedTarget)) {
        opener = event.relatedTarget;
      }
    });
    wrapper.addEventListener("keydown", function (event) {
      if (event.key === "Escape") {
        wrapper.classList.remove("show");
        (opener || document.querySelector(".search-button__button")).focus();
      }
    });
  }

  function watchTheme(button) {
    var words = { light: "light", dark: "dark", auto: "automatic" };
    var update = function () {
      var label = "Colours: " + (words[document.documentElement.dataset.mode] || "automatic");
      button.setAttribute("aria-label", label);
      button.title = label;
    };
    new MutationObserver(update).observe(document.documentElement, {
      attributeFilter: ["data-mode"],
    });
    update();
  }

  function startAll() {
    var say = announcer();
    document.querySelectorAll(".sidebar-toggle[aria-controls]").forEach(watchSidebar);
    document.querySelectorAll(".search-button__wrapper").forEach(watchSearch);
    document.querySelectorAll(".theme-switch-button").forEach(watchTheme);
    document.addEventListener("click", function (event) {
      if (event.target.closest(".copybtn")) {
        say("Copied");
      }
    });
    var mark = later(markScrolling, 200);
    document.addEventListener("toggle", mark, true);
    document.addEventListener("click", mark);
    addEventListener("resize", mark);
    document.fonts.ready.then(markScrolling);
  }

  if (document.readyState === "complete") {
    startAll();
  } else {
    addEventListener("load", startAll);
  }
})();

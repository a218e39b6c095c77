/* Definitions on the spot. A link to the glossary shows its definition when it is pointed at,
   focused, or tapped once; the page carries the definitions, nothing is fetched. The card stays
   while the pointer is on it or on its word, and Escape puts it away (WCAG 1.4.13). A tap while
   the card is open, a click, and Enter follow the link. Without this file: a plain link. */
(() => {
  "use strict";

  const DELAY = 150; // ms before a card opens: the pointer may only be passing
  const PATIENCE = 300; // ms before it closes: the way from the word to the card
  const GAP = 8;

  const definitionOf = (link) => {
    const id = decodeURIComponent(link.hash.slice(1));
    const copy = document.getElementById(`definition-${id}`);
    if (copy) return copy;
    // In the glossary itself: what follows the term.
    let entry = document.getElementById(id);
    while (entry && entry.tagName === "DT") entry = entry.nextElementSibling;
    return entry && entry.tagName === "DD" ? entry.querySelector("p") : null;
  };

  const card = document.createElement("div");
  card.className = "definition-card";
  card.id = "definition-card";
  card.hidden = true;
  // Screen readers are told by aria-describedby of the link, once.
  card.setAttribute("role", "tooltip");

  let open = null; // the link whose card is shown
  let timer = 0;
  let touched = false; // the last pointer was a finger

  const place = (link) => {
    // A link that is broken over two lines has a box for each; take the first.
    const word = link.getClientRects()[0];
    const width = document.documentElement.clientWidth;
    const left = Math.min(Math.max(word.left, GAP), Math.max(GAP, width - card.offsetWidth - GAP));
    const below = word.bottom + GAP;
    const fits = below + card.offsetHeight <= window.innerHeight;
    const above = word.top - GAP - card.offsetHeight;
    card.style.left = `${left + window.scrollX}px`;
    card.style.top = `${(fits || above < 0 ? below : above) + window.scrollY}px`;
  };

  const hide = () => {
    clearTimeout(timer);
    if (!open) return;
    open.removeAttribute("aria-describedby");
    open = null;
    card.hidden = true;
  };

  const show = (link, note) => {
    clearTimeout(timer);
    if (open === link) return;
    const definition = definitionOf(link);
    if (!definition) return;
    hide();
    // Copies of the nodes without their ids, which the page already has.
    card.replaceChildren(...[...definition.childNodes].map((node) => node.cloneNode(true)));
    card.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
    card.querySelectorAll("a").forEach((a) => a.replaceWith(...a.childNodes));
    if (note) {
      const hint = document.createElement("p");
      hint.className = "definition-hint";
      hint.textContent = "Tap the word again for the glossary.";
      card.append(hint);
    }
    card.hidden = false;
    place(link);
    link.setAttribute("aria-describedby", card.id);
    open = link;
  };

  const later = (action, wait) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };

  const start = () => {
    const links = [...document.querySelectorAll("a[href] > .std-term")].map((e) => e.parentElement);
    if (!links.length) return;
    document.body.append(card);
    for (const link of links) {
      link.classList.add("term");
      link.addEventListener("pointerenter", (event) => {
        if (event.pointerType !== "touch") later(() => show(link, false), DELAY);
      });
      link.addEventListener("pointerleave", (event) => {
        if (event.pointerType !== "touch") later(hide, PATIENCE);
      });
      link.addEventListener("pointerdown", (event) => {
        touched = event.pointerType === "touch";
      });
      link.addEventListener("focus", () => {
        if (!touched) show(link, false);
      });
      link.addEventListener("blur", hide);
      link.addEventListener("click", (event) => {
        if (!touched || open === link || !definitionOf(link)) return;
        event.preventDefault();
        show(link, true);
      });
    }
    card.addEventListener("pointerenter", () => clearTimeout(timer));
    card.addEventListener("pointerleave", () => later(hide, PATIENCE));
    document.addEventListener("keydown", (event) => {
      touched = false;
      if (event.key === "Escape") hide();
    });
    document.addEventListener("pointerdown", (event) => {
      if (open && !open.contains(event.target) && !card.contains(event.target)) hide();
    });
    window.addEventListener("resize", hide);
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

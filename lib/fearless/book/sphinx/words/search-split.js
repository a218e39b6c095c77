/* How a search is split into words: Sphinx puts this into the site's language_data.js.

   Letters of formulas are spelled out, so that "λ" finds \lambda, and a star belongs to its
   symbol. Does what `split` in fearless/book/sphinx/words/search.py does when pages are indexed, but
   for one thing: an index has both m and mstar for m*, a search asks for mstar alone. */
var splitQuery = (() => {
  "use strict";
  const GREEK = "@GREEK@";
  const STARRED = /(?<![\p{L}\p{N}_*])([\p{L}]{1,12})(?:\s*\^\s*\{?\s*\*\s*\}?|\\?\*(?![\p{L}\p{N}_*]))/gu;
  const letter = new RegExp(`[${Object.keys(GREEK).join("")}‖]`, "gu");
  const spell = (c) => (c === "‖" ? "norm" : GREEK[c]);
  const one = (word) => word.replace(letter, spell).replace(/^var(?=epsilon|phi|theta|rho)/, "");
  return (query) => query
    .normalize("NFC")
    .replace(STARRED, (_, base) => ` ${one(base)}star `)
    .replace(letter, (c) => ` ${spell(c)} `)
    .split(/[^\p{L}\p{N}_]+/u)
    .filter((word) => word)
    .map(one);
})();

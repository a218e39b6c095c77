/* Symbols and terms in the results of a search, before those that Sphinx finds.

   The page has them in a table of its own (FEARLESS_ENTRIES, written when the book is built). A
   query and the keys of an entry are compared in the form that `searchKey` gives them, as `key` in
   fearless/book/sphinx/words/search.py does: λ is \lambda, σ² is sigma^2, any ‖x‖ is ‖·‖. */
"use strict";

function searchKey(text) {
  const letter = new RegExp(`[${Object.keys(FEARLESS_GREEK).join("")}]`, "gu");
  return text
    .normalize("NFKC")
    .replace(/’/g, "'")
    .replace(/\\?\|\||‖|\\[lr]Vert|\\\|/g, "|")
    .replace(letter, (c) => FEARLESS_GREEK[c])
    .replace(/[\s\\^_{}$]/g, "")
    .replace(/−/g, "-")
    .replace(/\|[^|]+\|/g, "|·|");
}

/* Entries that answer a query, each with a score; exact ones first, at most eight others. */
function findSymbols(query) {
  const asked = searchKey(query);
  const words = query.trim().toLowerCase().replace(/\s+/g, " ").replace(/’/g, "'");
  if (!asked) return [];
  const score = (entry) => {
    if (entry.k.includes(asked)) return 300;
    if (entry.k.includes(words)) return 250;
    if (entry.k.some((key) => key.toLowerCase() === asked.toLowerCase())) return 200;
    const within = (key) => ` ${key}`.includes(` ${words}`);
    return words.length > 2 && entry.k.some(within) ? 20 : 0;
  };
  const found = FEARLESS_ENTRIES.map((entry) => [entry, score(entry)]).filter(([, s]) => s > 0);
  const part = found.filter(([, s]) => s < 100).slice(0, 8);
  return [...found.filter(([, s]) => s > 100), ...part];
}

(() => {
  const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const find = Search._performSearch;
  const summary = Search.makeSearchSummary;
  // Names that contain a letter somewhere are no answer to a question for the letter.
  const byName = Search.performObjectSearch;
  Search.performObjectSearch = (name, all) => (name.length > 2 ? byName(name, all) : []);
  let asked = "";

  // What a result shows of its page: the text without buttons, and code after it.
  const textOf = Search.htmlToText;
  Search.htmlToText = (html, anchor) => {
    if (anchor) return textOf(html, anchor);
    const article = new DOMParser().parseFromString(html, "text/html").querySelector("article");
    if (!article) return textOf(html, anchor);
    article.querySelectorAll(".headerlink, script, style, .definitions").forEach((e) => e.remove());
    const code = [...article.querySelectorAll(".cell_input")];
    code.forEach((cell) => cell.remove());
    return [article, ...code].map((e) => e.textContent).join(" ").replace(/\s+/g, " ");
  };
  // It begins at what was asked for, λ, rather than at the word it was looked up by.
  Search.makeSearchSummary = (html, words, anchor) => summary(html, [...words, asked], anchor);

  // Results come worst first, each as [page, title, anchor, description, score, file].
  Search._performSearch = (query, ...rest) => {
    asked = query.trim();
    const { docnames, filenames } = Search._index;
    const ours = new Set();
    const entries = findSymbols(query)
      .map(([entry, score]) => {
        const file = filenames[docnames.indexOf(entry.p)];
        [entry.a, ...(entry.o || [])].forEach((anchor) => ours.add(`${file}#${anchor}`));
        return [entry.p, escape(entry.t), `#${entry.a}`, entry.d, score, file];
      })
      .filter((result) => result[5]);
    const theirs = find(query, ...rest).filter((result) => !ours.has(result[5] + result[2]));
    const worstFirst = entries.reverse().sort((a, b) => a[4] - b[4]);
    const between = (results, low, high) => results.filter((r) => r[4] >= low && r[4] < high);
    return [
      ...between(theirs, -Infinity, 20),
      ...between(worstFirst, 0, 100),
      ...between(theirs, 20, Infinity),
      ...between(worstFirst, 100, Infinity),
    ];
  };
})();

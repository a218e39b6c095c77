// Typesets formulas when the book is built: one JSON request a line on standard input, one JSON
// answer a line on standard output, in the same order. Run by fearless.book.sphinx.formulas.typeset with
// node; no browser ever loads it.
//
//   node typeset.js FOLDER '{"macros": {...}}'     FOLDER: MathJax 3, the components of "es5"
//   {"tex": "x^2", "display": false}          ->   {"html": "<mjx-container ..."}
//   {"tex": "\\nonsense", "display": false}   ->   {"error": "Undefined control sequence \\nonsense"}
//   {"stylesheet": true}                      ->   {"css": "..."}   every rule there is

"use strict";

const [folder, settings] = process.argv.slice(2);
const { macros } = JSON.parse(settings);

// An error is the build's to report; MathJax would draw it into the page and go on. Definitions
// inside of formulas are not known (no package `newcommand`): what a formula looks like must not
// depend on which ones were typeset before it.
const config = {
  loader: {
    paths: { mathjax: folder },
    load: ["input/tex-full", "output/chtml", "adaptors/liteDOM", "a11y/assistive-mml"],
    versionWarnings: false,
  },
  startup: { typeset: false },
  tex: {
    packages: ["base", "ams", "boldsymbol", "configmacros", "mathtools", "unicode"],
    tags: "none",
    macros,
    formatError: (_, error) => { throw error; },
  },
  chtml: { fontURL: "fonts", adaptiveCSS: false },
};

function answer(MathJax, request) {
  const adaptor = MathJax.startup.adaptor;
  if (request.stylesheet) return { css: adaptor.textContent(MathJax.chtmlStylesheet()) };
  MathJax.texReset();
  try {
    const node = MathJax.tex2chtml(request.tex, { display: request.display });
    return { html: adaptor.outerHTML(node) };
  } catch (error) {
    return { error: error.message };
  }
}

require(`${folder}/node-main.js`).init(config).then((MathJax) => {
  const lines = require("readline").createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    process.stdout.write(JSON.stringify(answer(MathJax, JSON.parse(line))) + "\n");
  });
}).catch((error) => {
  console.error(error);
  process.exit(1);
});

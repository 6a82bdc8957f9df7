"use strict";

// Search: guides come before the reference, and the pages of single errors come last.
// eslint-disable-next-line no-unused-vars
var Scorer = {
  score: ([docname, , , , score]) => {
    if (/^(zh\/)?how-to\/|^(faq|troubleshooting|index)$|^zh\/README$/.test(docname)) return score + 30;
    if (/^(zh\/)?errors\//.test(docname)) return score - 30;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

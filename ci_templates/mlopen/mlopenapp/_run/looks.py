"""The report's own style and script. Both are named by their hashes in its policy, so that nothing else runs."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfa; --raised: #fff; --line: #dfe2dd; --ink: #1d211f; --soft: #5a625d;
  --accent: #0a6464; --c1: #0a6464; --c2: #b4511a; --c3: #5646a8; --c4: #1b5596; --c5: #8a2b5b; --c6: #5b6b12;
  --c7: #7d4e00; --c8: #4d5561; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --raised: #1b1f23; --line: #343b41; --ink: #e8eae7;
  --soft: #a9b2af; --accent: #6fcdc6; --c1: #6fcdc6; --c2: #f0a070; --c3: #b3a6f5; --c4: #92c1f5; --c5: #f3a3c8;
  --c6: #c5d46a; --c7: #eabf6c; --c8: #b3bcc6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); } img { max-width: 100%; }
.soft { color: var(--soft); }
figure { margin: 0 0 1.5rem; padding: 1rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--raised); }
figcaption { font-weight: 600; margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; font-size: 14px; }
svg text { fill: var(--ink); } .grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.slice { stroke: var(--raised); stroke-width: 2; } .paper { fill: var(--raised); }
.c1 { fill: var(--c1); color: var(--c1); } .c2 { fill: var(--c2); color: var(--c2); }
.c3 { fill: var(--c3); color: var(--c3); } .c4 { fill: var(--c4); color: var(--c4); }
.c5 { fill: var(--c5); color: var(--c5); } .c6 { fill: var(--c6); color: var(--c6); }
.c7 { fill: var(--c7); color: var(--c7); } .c8 { fill: var(--c8); color: var(--c8); }
.line { fill: none; stroke: currentColor; stroke-width: 2; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--raised); }
summary { cursor: pointer; margin: .5rem 0; }
table { border-collapse: collapse; } .wide > table { width: 100%; }
caption { text-align: left; padding: .5rem .75rem; color: var(--soft); }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { white-space: pre-wrap; }
/* in a narrow window the table moves sideways; its words stay whole, all but very long ones */
th, td { overflow-wrap: break-word; max-width: min(40rem, 75vw); }
th button { all: unset; cursor: pointer; font-weight: 600; }
th button::after { content: " \\2195"; color: var(--soft); }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
:focus-visible, th button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media print { body { max-width: none; } .wide { overflow: visible; } }
"""

SCRIPT = """
"use strict";
const table = document.getElementById("data");
const said = document.getElementById("said");
if (table) {
  const body = table.tBodies[0];
  const first = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const words = new Intl.Collator(undefined, { numeric: true });
  const compare = (numbers) => (one, other) =>
    numbers ? (Number(one) || 0) - (Number(other) || 0) || 0 : words.compare(one, other);
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    const name = head.textContent;
    button.type = "button";
    button.textContent = name;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const order = before === "ascending" ? "descending" : before === "descending" ? null : "ascending";
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      const by = compare(head.classList.contains("number"));
      const text = (row) => row.cells[place].textContent;
      const rows = first.slice();
      if (order) {
        head.setAttribute("aria-sort", order);
        const turn = order === "ascending" ? 1 : -1;
        rows.sort((one, other) => {
          const a = text(one), b = text(other);
          if (!a || !b) return a ? -1 : b ? 1 : 0;
          return turn * by(a, b);
        });
      }
      body.append(...rows);
      said.textContent = order ? name + ": " + order : "in the order of the result";
    });
  });
}
"""

/**
 * The page's style: light and dark from one set of variables, a phone's width first, A4 in print. Text and background
 * keep a contrast of at least 4.5 : 1 in both schemes (WCAG 2.2, 1.4.3).
 */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --card: #f4f6f8; --ink: #1b1f24; --muted: #57606a; --rule: #d0d7de; --link: #0550ae;
  --before: #6e5494; --control: #b35900; --frelu: #0072b2; --better: #0072b2; --worse: #c2570c;
  --adopt: #0b6b43; --reject: #a3281c; --inconclusive: #6b4f00; --on-verdict: #ffffff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --card: #1f252c; --ink: #e8ecf0; --muted: #a3adb8; --rule: #3a434d; --link: #79b8ff;
    --before: #b9a3dd; --control: #f0a24b; --frelu: #5cb8f2; --better: #5cb8f2; --worse: #f0a24b;
    --adopt: #0f7a4d; --reject: #b03527; --inconclusive: #77590a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Hiragino Sans", "Yu Gothic UI", "Noto Sans JP", "Noto Sans CJK JP", Meiryo, sans-serif;
}
main, header, footer, nav { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.25rem; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--rule); }
p, ul, ol { margin: .5rem 0; max-width: 46rem; }
li { margin: .2rem 0; }
a { color: var(--link); }
data, .figure { white-space: nowrap; }
code, pre { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono CJK JP", monospace; overflow-wrap: anywhere; }
.subtitle, footer, figcaption, .fact-note { color: var(--muted); font-size: .9rem; }
.verdict { margin: 1rem 0; padding: .9rem 1.1rem; border-radius: .5rem; color: var(--on-verdict); }
.verdict p { margin: .35rem 0 0; max-width: 60rem; }
.verdict strong { display: block; font-size: 1.6rem; line-height: 1.25; }
.verdict-adopt { background: var(--adopt); } .verdict-reject { background: var(--reject); }
.verdict-inconclusive { background: var(--inconclusive); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .75rem; margin: .75rem 0; }
dl.facts > div { background: var(--card); border-radius: .5rem; padding: .65rem .9rem; }
dl.facts dt { color: var(--muted); font-size: .9rem; }
dl.facts dd { margin: 0; }
dl.facts dd.value { font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.note { border-left: .25rem solid var(--control); background: var(--card); padding: .5rem .9rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: 1rem 0; list-style: none; max-width: none; }
.command { margin: .5rem 0; }
.command p { margin: 0; font-size: .9rem; color: var(--muted); }
.command pre { margin: 0; padding: .5rem .75rem; background: var(--card); border-radius: .35rem; white-space: pre-wrap; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: .75rem 0; min-width: 0; max-width: 32rem; }
figure.chart svg { display: block; width: 100%; height: auto; }
figure.network { max-width: none; }
figure.network .frame { overflow: auto; max-height: 44rem; border: 1px solid var(--rule); border-radius: .35rem; }
figure.network svg { display: block; margin: 0 auto; }
table { border-collapse: collapse; margin: .75rem 0; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
tbody th { min-width: 8rem; } td:not(.number) { min-width: 6rem; }
th { font-weight: 600; } th.number, td.number { text-align: right; }
thead th { border-bottom: 2px solid var(--muted); overflow-wrap: normal; }
.gallery { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: .5rem 0; list-style: none; max-width: none; }
.gallery li { background: var(--card); border-radius: .35rem; padding: .5rem; max-width: 100%; }
.gallery .pictures { display: flex; gap: .35rem; }
.gallery figure { margin: 0; }
.gallery img { display: block; width: 5.5rem; height: 5.5rem; object-fit: contain; image-rendering: pixelated; background: #808080; }
.gallery p { max-width: 17rem; margin: .25rem 0 0; font-size: .85rem; }
.gallery .single p { max-width: 8.5rem; }
details { margin: .75rem 0; } summary { cursor: pointer; }
.orders { display: block; } .orders > table { display: none; }
.orders legend { font-size: .9rem; padding: 0; } .orders fieldset { border: 0; padding: 0; margin: .5rem 0; }
.orders label { margin-right: 1rem; white-space: nowrap; }
.orders:has(#order-0:checked) > .order-0, .orders:has(#order-1:checked) > .order-1,
.orders:has(#order-2:checked) > .order-2, .orders:has(#order-3:checked) > .order-3 { display: table; }
footer { margin-top: 2.5rem; padding-bottom: 2rem; }
@media (max-width: 44rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td, caption, tbody th { display: block; }
  .orders:has(#order-0:checked) > .order-0, .orders:has(#order-1:checked) > .order-1,
  .orders:has(#order-2:checked) > .order-2, .orders:has(#order-3:checked) > .order-3 { display: block; }
  tr { border-bottom: 1px solid var(--muted); padding: .35rem 0; }
  tbody th, td:not(.number) { min-width: 0; }
  th, td, th.number, td.number { border: 0; padding: .1rem 0; text-align: left; }
  td { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: .6rem; }
  td::before { content: attr(data-label); color: var(--muted); }
  td > span { min-width: 0; }
}
@page { size: A4; margin: 14mm; }
@media print {
  html { font-size: 9.5pt; }
  nav { display: none; }
  main, header, footer { max-width: none; padding: 0; }
  h2 { break-after: avoid; } h2 { margin-top: 1.4rem; }
  caption, thead { break-after: avoid; }
  table:not(:has(tbody tr:nth-child(12))) { break-inside: avoid; }
  figure, tr, dl.facts > div, .verdict, .command, .gallery li { break-inside: avoid; }
  .verdict, dl.facts > div, .note, .command pre { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  figure.network .frame { max-height: none; overflow: visible; border: 0; }
  figure.network svg { max-width: 100%; max-height: 250mm; height: auto; }
  .charts { grid-template-columns: 1fr 1fr; }
  dl.facts { grid-template-columns: repeat(3, 1fr); }
  details::details-content { content-visibility: visible; height: auto; }
}
`;

import { createHash } from "node:crypto";

/** What every page looks like. Colours have a contrast of at least 4.5 to what is behind them, in both schemes. */
export const stylesheet: string = /* css */ `
:root {
  color-scheme: light dark;
  --page: #fbfbfd; --surface: #ffffff; --text: #1c2128; --quiet: #57606a; --line: #d5dae0; --link: #0a56a8;
  --button: #0a56a8; --on-button: #ffffff;
  --good: #17603a; --good-ground: #e2f4e9; --warn: #744600; --warn-ground: #fdf0d3; --bad: #9a1c1f; --bad-ground: #fde7e7;
  --plain-ground: #e9edf2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161b; --surface: #1a2027; --text: #e4e9ee; --quiet: #a5aeb9; --line: #343d47; --link: #8ac0ff;
    --button: #8ac0ff; --on-button: #0c1420;
    --good: #8ddcae; --good-ground: #14301f; --warn: #f2c879; --warn-ground: #382907; --bad: #ffaeae; --bad-ground: #421719;
    --plain-ground: #2a323b;
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, sans-serif; background: var(--page); color: var(--text); overflow-wrap: anywhere; }
body { margin: 0; }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
header { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0 2rem; border-bottom: 1px solid var(--line); }
.brand { margin: 0.6rem 0; font-weight: 700; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 0.25rem; margin: 0 -0.6rem; padding: 0; list-style: none; }
nav li a { display: block; padding: 0.7rem 0.6rem; text-decoration: none; border: solid transparent; border-width: 3px 0; }
nav li a:hover { text-decoration: underline; }
nav [aria-current] { color: var(--text); border-bottom-color: var(--link); }
main { padding-top: 1.5rem; padding-bottom: 2rem; }
main:focus { outline: none; }
footer { border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.875rem; }
a { color: var(--link); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: 1rem; top: -5rem; padding: 0.5rem 1rem; background: var(--button); color: var(--on-button); z-index: 1; }
.skip:focus { top: 0.5rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 0.75rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.75rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: 0.4rem 0; }
code { font: 0.9em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.meta { display: flex; flex-wrap: wrap; gap: 0.1rem 0.8rem; align-items: baseline; color: var(--quiet); font-size: 0.9rem; }
.description { white-space: pre-line; font-size: 1.05rem; margin: 1rem 0; }
form { padding: 1rem; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
label { display: block; font-weight: 600; }
.field { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.4rem 0 0.6rem; }
.option { display: inline-flex; align-items: center; gap: 0.5rem; min-height: 1.75rem; font-weight: 400; }
.option input { width: 1.1rem; height: 1.1rem; margin: 0; accent-color: var(--button); }
input[type="search"] { flex: 1 1 12rem; min-width: 0; }
input[type="search"], button { font: inherit; padding: 0.5rem 0.75rem; border: 1px solid var(--quiet); border-radius: 6px; background: var(--page); color: var(--text); }
button { background: var(--button); border-color: var(--button); color: var(--on-button); font-weight: 600; cursor: pointer; }
.servers { margin: 0; padding: 0; list-style: none; }
.servers > li { padding: 0.9rem 0; border-top: 1px solid var(--line); }
.badge { padding: 0 0.5em; border-radius: 1em; background: var(--plain-ground); color: var(--text); font-size: 0.8rem; font-weight: 500; white-space: nowrap; }
.notice { margin: 1rem 0; padding: 0.6rem 1rem; border-left: 4px solid; border-radius: 4px; }
.active { background: var(--good-ground); color: var(--good); }
.deprecated { background: var(--warn-ground); color: var(--warn); }
.deleted { background: var(--bad-ground); color: var(--bad); }
.pages { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1rem; }
.pages a { padding: 0.5rem 1rem; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); text-decoration: none; }
.card { margin: 0.75rem 0; padding: 0.9rem 1rem; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
dl { margin: 0.75rem 0; }
dl > div { display: grid; grid-template-columns: 11rem 1fr; gap: 0 1rem; padding: 0.15rem 0; }
.card dl { margin: 0.3rem 0 0; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
.inputs { margin: 0; padding: 0; list-style: none; }
.inputs > li + li { margin-top: 0.35rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.95rem; overflow-wrap: normal; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 1rem 0.45rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 7rem; }
time span, .number { white-space: nowrap; }
code, .text { unicode-bidi: isolate; }
.number { font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) {
  dl > div { grid-template-columns: 1fr; padding: 0.3rem 0; }
  th, td { padding-right: 0.6rem; }
  tbody th { min-width: 5rem; }
}
`;

/** Names the content in the stylesheet's address. */
export const stylesheetVersion: string = createHash("sha256").update(stylesheet).digest("hex").slice(0, 12);

/** Where pages find it. */
export const stylesheetPath: string = `/pages.css?v=${stylesheetVersion}`;

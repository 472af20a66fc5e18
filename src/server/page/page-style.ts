/** The style of the page at `/`: for light and dark mode, wide and narrow screens. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --back: #fbfaf7; --panel: #fff; --ink: #1d1c1a; --soft: #63605a; --line: #c9c5bb;
  --accent: #17608a; --on-accent: #fff; --bad: #a3231c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #171614; --panel: #201f1c; --ink: #eceae4; --soft: #a7a399; --line: #4a473f;
    --accent: #7cc0e8; --on-accent: #10222d; --bad: #ff9a92;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 50rem;
  background: var(--back); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
}
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline; justify-content: space-between; margin-bottom: 1rem; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 1.75rem 0 .35rem; font-size: 1rem; }
p { margin: 0; }
label { font-weight: 600; }
output { font-weight: 400; font-variant-numeric: tabular-nums; }
.hint { color: var(--soft); font-size: .85rem; }
input, textarea, select, button { font: inherit; color: inherit; }
input[type=number], input[type=password], textarea, select {
  padding: .45rem .6rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel);
}
textarea, #text { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .95rem; }
textarea { display: block; width: 100%; min-height: 6rem; margin-top: .35rem; resize: vertical; }
input::placeholder, textarea::placeholder { color: var(--soft); opacity: 1; }
select { max-width: 70vw; }
.settings { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem 1.5rem; margin: 1rem 0; }
.settings p { display: grid; gap: .25rem; align-content: start; }
.settings input { width: 100%; height: 2.5rem; }
input[type=range] { accent-color: var(--accent); margin: 0; }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; }
.keys { margin-left: auto; }
kbd { font-size: .8rem; padding: 0 .3em; border: 1px solid var(--line); border-radius: .25rem; }
button { min-height: 2.5rem; padding: .4rem 1.1rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); cursor: pointer; }
button.first { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
#access { margin-bottom: 1.5rem; padding: 1rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); }
#access input { flex: 1 1 12rem; min-width: 0; }
#access .hint { margin-bottom: .5rem; }
#problem { margin-top: 1rem; padding: .6rem .8rem; border-left: 4px solid var(--bad); background: var(--panel); color: var(--bad); overflow-wrap: anywhere; }
#text { min-height: 6rem; padding: .8rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
#text .prompt { color: var(--soft); }
#status { min-height: 1.5rem; margin-top: .35rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 30rem) {
  .keys { display: none; }
  .row button { flex: 1 1 auto; }
}
`;

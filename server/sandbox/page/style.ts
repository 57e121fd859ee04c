/** Served as a file of its own, so that a strict content security policy lets it through. */
export const css = `:root {
  color-scheme: light dark;
  --ink: #1c2024; --soft: #5a6169; --paper: #ffffff; --ground: #f2f3f5; --edge: #c9ced4; --button: #838b94;
  --main: #0b5c4a; --on-main: #ffffff; --bad: #a4262c; --bad-ground: #fdf1f1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #eceef0; --soft: #a9b0b8; --paper: #1d2126; --ground: #13161a; --edge: #434a52; --button: #7b848e;
    --main: #7fd6bf; --on-main: #06251e; --bad: #ffb3b5; --bad-ground: #3a1d1f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
}
.sandbox { margin: 0; padding: .6rem 1rem; text-align: center; font-size: .875rem; color: var(--soft); }
main {
  max-width: 26rem; margin: 4vh auto; padding: 2rem;
  background: var(--paper); border: 1px solid var(--edge); border-radius: .75rem;
}
h1 { margin: 0; font-size: 1.125rem; font-weight: 600; }
h2 { margin: 1.75rem 0 .75rem; font-size: 1rem; font-weight: 600; }
.amount { margin: .25rem 0 0; font-size: 2.5rem; line-height: 1.2; font-weight: 650; font-variant-numeric: tabular-nums; }
.description { margin: .25rem 0 0; color: var(--soft); overflow-wrap: anywhere; }
.lines { margin: 1rem 0 0; padding: 0; list-style: none; }
.lines li { display: flex; justify-content: space-between; gap: 1rem; padding: .4rem 0; border-top: 1px solid var(--edge); overflow-wrap: anywhere; }
.quantity { color: var(--soft); white-space: nowrap; }
.problem { margin: 1.25rem 0 0; padding: .75rem 1rem; color: var(--bad); background: var(--bad-ground); border-radius: .5rem; }
.status { margin: 1.25rem 0 0; }
.choice { margin: 0 0 1rem; }
.choice:last-child { margin-bottom: 0; }
button {
  width: 100%; min-height: 2.75rem; padding: .6rem 1rem; border-radius: .5rem;
  font: inherit; font-weight: 600; cursor: pointer;
  color: var(--ink); background: transparent; border: 1px solid var(--button);
}
button.main { color: var(--on-main); background: var(--main); border-color: var(--main); }
button.quiet { border-color: transparent; text-decoration: underline; text-underline-offset: .2em; font-weight: 400; }
button:hover { filter: brightness(1.06); border-color: currentColor; }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.hint { margin: .3rem 0 0; font-size: .8125rem; color: var(--soft); text-align: center; }
a { color: var(--main); }
.back { margin: 1.75rem 0 0; }
@media (max-width: 30rem) { main { margin: 0; border-radius: 0; border-inline: 0; padding: 1.5rem 1rem; } }
`;

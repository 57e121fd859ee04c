/** Served as a file of its own, so that a strict content security policy lets it through. */
export const css = `:root {
  color-scheme: light dark;
  --ink: #1c2024; --soft: #5a6169; --paper: #ffffff; --ground: #f2f3f5; --edge: #d5dae0; --button: #838b94;
  --main: #0b5c4a; --on-main: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #eceef0; --soft: #a9b0b8; --paper: #1d2126; --ground: #13161a; --edge: #434a52; --button: #7b848e;
    --main: #7fd6bf; --on-main: #06251e;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
}
.sandbox { margin: 0; padding: .6rem 1rem; text-align: center; font-size: .875rem; color: var(--soft); }
main {
  max-width: 52rem; margin: 2vh auto 4vh; padding: 2rem;
  background: var(--paper); border: 1px solid var(--edge); border-radius: .75rem;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere; }
.lead { margin: .35rem 0 1.25rem; color: var(--soft); }
.back { margin: 0 0 1rem; }
a { color: var(--main); text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
form { display: flex; gap: .6rem; align-items: center; margin: 0 0 1.25rem; }
input {
  flex: 1; min-width: 0; min-height: 2.75rem; padding: .4rem .75rem; font: inherit;
  color: inherit; background: transparent; border: 1px solid var(--button); border-radius: .5rem;
}
button {
  min-height: 2.75rem; padding: .4rem 1.1rem; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--on-main); background: var(--main); border: 1px solid var(--main); border-radius: .5rem;
}
.mails { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--edge); }
.mails li { border-bottom: 1px solid var(--edge); }
.mails a {
  display: grid; grid-template-columns: minmax(0, 14rem) minmax(0, 1fr) auto; gap: .25rem 1.25rem;
  padding: .8rem .25rem; color: inherit; text-decoration: none;
}
.mails a:hover .subject { text-decoration: underline; }
.to { color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.subject { font-weight: 600; overflow-wrap: anywhere; }
.sms { font-size: .75rem; font-weight: 600; border: 1px solid var(--button); border-radius: .3rem; padding: 0 .3rem; }
time { color: var(--soft); font-size: .875rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.empty { color: var(--soft); padding: 2rem 0; text-align: center; }
.files { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.files li { padding: .35rem .75rem; border: 1px solid var(--edge); border-radius: .5rem; }
.size { color: var(--soft); font-size: .875rem; }
iframe { width: 100%; height: 46rem; border: 1px solid var(--edge); border-radius: .5rem; background: #f2f3f5; }
details { margin-top: 1.25rem; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; margin: .75rem 0 0; font-size: .9rem; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; margin: .75rem 0 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main { margin: 0; border-radius: 0; border-inline: 0; padding: 1.25rem 1rem; }
  .mails a { grid-template-columns: minmax(0, 1fr) auto; }
  .subject { grid-column: 1 / -1; grid-row: 2; }
  iframe { height: 36rem; }
}
`;

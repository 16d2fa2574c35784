// How <callplane-call> looks. Pages change it by the custom properties and by ::part().

export const style = new CSSStyleSheet();

style.replaceSync(`
:host {
  --accent: var(--callplane-accent, #0b6b4d);
  --on-accent: var(--callplane-on-accent, #ffffff);
  --surface: var(--callplane-surface, #ffffff);
  --raised: #f1f4f7;
  --line: #d5dbe3;
  --text: #131820;
  --muted: #55606f;
  --caller: #dcf2e8;
  --danger: #bf2338;
  --on-danger: #ffffff;
  --focus: #1a5fd0;
  --shadow: 0 1px 2px rgb(16 24 40 / 6%), 0 12px 32px rgb(16 24 40 / 10%);
  display: block;
  container-type: inline-size;
  max-inline-size: 58rem;
  color-scheme: light dark;
  color: var(--text);
  font: 1rem/1.5 var(--callplane-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
}
:host([hidden]) { display: none; }
@media (prefers-color-scheme: dark) {
  :host {
    --accent: var(--callplane-accent, #45d19b);
    --on-accent: var(--callplane-on-accent, #04231a);
    --surface: var(--callplane-surface, #171b21);
    --raised: #222831;
    --line: #353d49;
    --text: #eaeef3;
    --muted: #a3aebc;
    --caller: #153d2f;
    --danger: #ff7482;
    --on-danger: #2e0409;
    --focus: #8ab4ff;
    --shadow: 0 0 0 1px #2a313b, 0 16px 40px rgb(0 0 0 / 40%);
  }
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.card {
  display: grid;
  grid-template: auto minmax(6rem, 1fr) auto / minmax(0, 1fr);
  block-size: var(--callplane-height, min(46rem, 100dvh - 2rem));
  min-block-size: 30rem;
  overflow: hidden auto;
  background: var(--surface);
  border-radius: var(--callplane-radius, 1.25rem);
  box-shadow: var(--shadow);
}
.top { display: grid; gap: .9rem; align-content: start; padding: 1.25rem; }
.bottom { display: flex; flex-direction: column; gap: 1rem; padding: 1rem 1.25rem 1.25rem; border-block-start: 1px solid var(--line); }
header { display: flex; gap: 1rem; align-items: center; }
.avatar {
  display: grid;
  place-items: center;
  flex: none;
  inline-size: 3.5rem;
  block-size: 3.5rem;
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  font-size: 1.25rem;
  font-weight: 650;
  letter-spacing: .02em;
  box-shadow: 0 0 0 calc(var(--level, 0) * .55rem) color-mix(in srgb, var(--accent) 28%, transparent);
}
.who { min-inline-size: 0; }
.label { margin: 0; font-size: 1.2rem; font-weight: 650; line-height: 1.3; overflow-wrap: anywhere; }
.state { display: flex; flex-wrap: wrap; gap: 0 .6rem; color: var(--muted); font-size: .95rem; }
.status { margin: 0; }
.status:focus { outline: none; }
.clock { font-variant-numeric: tabular-nums; }
[data-state="talking"] .status { color: var(--accent); font-weight: 600; }
.note { margin: 0; padding: .6rem .9rem; border-radius: .75rem; background: var(--raised); font-size: .95rem; }
.alert:empty { display: none; }
.alert {
  padding: .7rem .9rem;
  border-radius: .75rem;
  border: 1px solid var(--danger);
  color: var(--danger);
  background: color-mix(in srgb, var(--danger) 7%, var(--surface));
  font-size: .95rem;
  text-align: start;
  overflow-wrap: anywhere;
}
[data-state="idle"] .meters, [data-state="ended"] .meters { display: none; }
.meters {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: .45rem .75rem;
  align-items: center;
  font-size: .85rem;
  color: var(--muted);
}
.meter { position: relative; block-size: .5rem; border-radius: .25rem; background: var(--line); overflow: hidden; }
.fill {
  position: absolute;
  inset: 0;
  border-radius: inherit;
  background: var(--accent);
  transform: scaleX(var(--level, 0));
  transform-origin: left;
}
.meter:dir(rtl) .fill { transform-origin: right; }
.is-muted .meter.you .fill { background: var(--muted); }
.controls { display: flex; flex-wrap: wrap; justify-content: center; gap: 1.25rem; padding-block: .25rem; }
button, select { font: inherit; color: inherit; }
button { cursor: pointer; touch-action: manipulation; }
button:disabled { cursor: not-allowed; opacity: .55; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; }
.round {
  display: grid;
  justify-items: center;
  gap: .4rem;
  padding: 0;
  min-inline-size: 4.25rem;
  border: 0;
  border-radius: .75rem;
  background: none;
  font-size: .85rem;
  color: var(--muted);
}
.round .icon {
  inline-size: 3.75rem;
  block-size: 3.75rem;
  padding: 1.05rem;
  border-radius: 50%;
  background: var(--raised);
  color: var(--text);
  fill: currentColor;
  transition: filter .15s, transform .1s;
}
.round:hover:not(:disabled) .icon { filter: brightness(.94); }
.round:active:not(:disabled) .icon { transform: scale(.95); }
.round.call .icon { background: var(--accent); color: var(--on-accent); inline-size: 4.5rem; block-size: 4.5rem; padding: 1.3rem; }
.round.hang-up .icon { background: var(--danger); color: var(--on-danger); }
.round[aria-pressed="true"] .icon, .round[aria-expanded="true"] .icon { background: var(--text); color: var(--surface); }
.mute .icon + .icon, .mute[aria-pressed="true"] .icon { display: none; }
.mute[aria-pressed="true"] .icon + .icon { display: block; }
.plain {
  justify-self: start;
  min-block-size: 2.75rem;
  padding: .4rem 1rem;
  border: 1px solid var(--line);
  border-radius: .75rem;
  background: var(--raised);
}
.device { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .75rem; align-items: center; font-size: .9rem; color: var(--muted); }
select {
  min-block-size: 2.75rem;
  inline-size: 100%;
  padding: .4rem .75rem;
  border: 1px solid var(--line);
  border-radius: .75rem;
  background: var(--raised);
  color: var(--text);
  text-overflow: ellipsis;
}
.latency { margin: 0; font-size: .85rem; color: var(--muted); font-variant-numeric: tabular-nums; }
.latency { text-wrap: balance; }
.latency:empty { display: none; }
.pad { display: grid; gap: .6rem; justify-items: center; }
.pressed {
  min-block-size: 1.9rem;
  max-inline-size: 16rem;
  overflow: hidden;
  white-space: nowrap;
  direction: rtl;
  font-size: 1.25rem;
  letter-spacing: .15em;
  font-variant-numeric: tabular-nums;
}
.keys { display: grid; grid-template-columns: repeat(3, minmax(3rem, 5rem)); gap: .5rem; }
.key {
  display: grid;
  place-content: center;
  justify-items: center;
  min-block-size: 3.1rem;
  padding: .2rem;
  border: 0;
  border-radius: .9rem;
  background: var(--raised);
  line-height: 1.1;
}
.key:hover { background: var(--line); }
.key:active, .key.down { background: var(--accent); color: var(--on-accent); }
.key:active .letters, .key.down .letters { color: inherit; }
.digit { font-size: 1.3rem; font-weight: 550; }
.letters { min-block-size: .75rem; font-size: .65rem; letter-spacing: .12em; color: var(--muted); }
.log {
  padding: 1rem 1.25rem;
  overflow-y: auto;
  overscroll-behavior: contain;
  border-block-start: 1px solid var(--line);
  background: color-mix(in srgb, var(--raised) 45%, var(--surface));
}
.log:focus-visible { outline-offset: -3px; border-radius: .5rem; }
.lines { display: grid; gap: .6rem; margin: 0; padding: 0; list-style: none; }
.line {
  justify-self: start;
  inline-size: fit-content;
  max-inline-size: 85%;
  padding: .55rem .85rem;
  border-radius: 1.1rem;
  border-end-start-radius: .3rem;
  background: var(--surface);
  border: 1px solid var(--line);
  overflow-wrap: anywhere;
}
.line.caller {
  justify-self: end;
  border-radius: 1.1rem;
  border-end-end-radius: .3rem;
  background: var(--caller);
  border-color: transparent;
}
.speaker { display: block; font-size: .75rem; font-weight: 600; color: var(--muted); }
.after { font-size: .75rem; font-weight: 400; color: var(--muted); white-space: nowrap; font-variant-numeric: tabular-nums; }
.pressed-keys { font-size: 1.1rem; letter-spacing: .2em; font-variant-numeric: tabular-nums; }
.speaking { display: flex; gap: .6rem; align-items: center; margin-block-start: .6rem; }
.lines:empty + .speaking { margin-block-start: 0; }
.dots { display: inline-flex; gap: .3rem; padding-block: .35rem; }
.dots i { inline-size: .45rem; block-size: .45rem; border-radius: 50%; background: var(--muted); animation: dot 1.2s infinite; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
@keyframes dot { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; } }
.empty { margin: 0; padding-block: 2rem; text-align: center; color: var(--muted); }
.lines:not(:empty) ~ .empty, .speaking:not([hidden]) ~ .empty { display: none; }
@container (inline-size >= 44rem) {
  .card {
    grid-template: auto minmax(0, 1fr) / minmax(19rem, 22rem) minmax(0, 1fr);
    block-size: var(--callplane-height, min(44rem, 100dvh - 4rem));
  }
  .top { padding: 2.25rem 1.75rem 1rem; gap: 1.1rem; }
  header { flex-direction: column; text-align: center; }
  .state { justify-content: center; }
  .avatar { inline-size: 6.5rem; block-size: 6.5rem; font-size: 2.1rem; }
  .label { font-size: 1.4rem; }
  .latency { text-align: center; }
  .bottom { padding: 1rem 1.75rem 1.75rem; border-block-start: 0; gap: 1.5rem; }
  .device { margin-block-start: auto; }
  .has-pad .top { padding-block-start: 1.75rem; }
  .has-pad header { flex-direction: row; text-align: start; }
  .has-pad .state { justify-content: start; }
  .has-pad .avatar { inline-size: 3.5rem; block-size: 3.5rem; font-size: 1.25rem; }
  .has-pad .bottom { gap: 1rem; }
  .log { grid-area: 1 / 2 / 3 / 3; border-block-start: 0; border-inline-start: 1px solid var(--line); padding: 1.75rem; }
}
/* A small telephone: keys and hanging up before anything else. */
@media (max-height: 42rem) {
  .has-pad :is(.meters, .latency, .device) { display: none; }
  .has-pad .top { padding-block: .9rem; }
  .has-pad .bottom { gap: .75rem; padding-block: .5rem .75rem; }
  .has-pad .key { min-block-size: 2.75rem; }
}
@media (prefers-reduced-motion: reduce) {
  .round .icon { transition: none; }
  .round:active:not(:disabled) .icon { transform: none; }
  .dots i { animation: none; opacity: .7; }
  .avatar { box-shadow: none; }
}
@media (forced-colors: active) {
  .round .icon, .key, .line, .meter { border: 1px solid ButtonText; }
  .fill { background: Highlight; }
}
`);

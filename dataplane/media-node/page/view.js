// What <callplane-call> is made of. No text becomes markup: everything is made element by element.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  call: "M6.6 10.8a15 15 0 0 0 6.6 6.6l2.2-2.2a1 1 0 0 1 1-.25 11.4 11.4 0 0 0 3.6.58 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.5a1 1 0 0 1 1 1c0 1.25.2 2.45.57 3.57a1 1 0 0 1-.25 1z",
  hangUp: "M12 9c-1.6 0-3.15.25-4.6.72v3.1c0 .39-.23.74-.56.9-.98.49-1.87 1.12-2.66 1.85a1 1 0 0 1-.7.28 1 1 0 0 1-.71-.29L.29 13.08a1 1 0 0 1 0-1.41C3.34 8.78 7.46 7 12 7s8.66 1.78 11.71 4.67a1 1 0 0 1 0 1.41l-2.48 2.48a1 1 0 0 1-.71.29 1 1 0 0 1-.7-.28 11.3 11.3 0 0 0-2.67-1.85 1 1 0 0 1-.56-.9v-3.1A15 15 0 0 0 12 9z",
  microphone: "M12 14a3 3 0 0 0 3-3V5a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zm5-3a5 5 0 0 1-10 0H5a7 7 0 0 0 6 6.92V21h2v-3.08A7 7 0 0 0 19 11z",
  muted: "M19 11h-2a5 5 0 0 1-.43 2.03l1.5 1.5A7 7 0 0 0 19 11zM15 11V5a3 3 0 0 0-5.94-.6L15 10.34zM4.27 3 3 4.27l6 6V11a3 3 0 0 0 4.18 2.75l1.66 1.66A5 5 0 0 1 7 11H5a7 7 0 0 0 6 6.92V21h2v-3.08a7 7 0 0 0 3.3-1.34L19.73 20 21 18.73z",
  keys: "M5 3h3v3H5zm5.5 0h3v3h-3zM16 3h3v3h-3zM5 8.5h3v3H5zm5.5 0h3v3h-3zm5.5 0h3v3h-3zM5 14h3v3H5zm5.5 0h3v3h-3zm5.5 0h3v3h-3zm-5.5 5.5h3v3h-3z",
};
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const LETTERS = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", 0: "+" };
const KEY_NAMES = { "*": "star", "#": "hash" };

/** An element with attributes, and texts and elements in it. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function icon(name) {
  const path = filled(document.createElementNS(SVG, "path"), { d: ICONS[name] }, []);
  const attributes = { viewBox: "0 0 24 24", "aria-hidden": "true", class: "icon" };
  return filled(document.createElementNS(SVG, "svg"), attributes, [path]);
}

/** A round button with its name below. */
function roundButton(kind, label, ...icons) {
  const name = h("span", { class: "name" }, label);
  const button = h("button", { type: "button", class: `round ${kind}`, part: `button ${kind}` }, ...icons.map(icon), name);
  return { button, name };
}

function meter(kind, label) {
  const element = h("div", {
    role: "meter", class: `meter ${kind}`, "aria-label": label,
    "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0",
  }, h("span", { class: "fill" }));
  return element;
}

function pad() {
  const keys = KEYS.map((key) => h(
    "button",
    { type: "button", class: "key", "data-key": key, "aria-label": KEY_NAMES[key] ?? key },
    h("span", { class: "digit" }, key),
    h("span", { class: "letters", "aria-hidden": "true" }, LETTERS[key] ?? ""),
  ));
  return h("div", { class: "keys", role: "group", "aria-label": "Keys of a telephone" }, ...keys);
}

/** All elements, and those that change by name. */
export function build() {
  const view = {
    label: h("h2", { class: "label", part: "label" }),
    avatar: h("div", { class: "avatar", "aria-hidden": "true" }),
    status: h("p", { class: "status", role: "status", tabindex: "-1" }),
    clock: h("span", { class: "clock", role: "timer", "aria-label": "Length of the call" }),
    note: h("p", { class: "note", id: "note", hidden: true }),
    alert: h("div", { class: "alert", role: "alert" }),
    call: roundButton("call", "Call", "call"),
    hangUp: roundButton("hang-up", "Hang up", "hangUp"),
    mute: roundButton("mute", "Mute", "microphone", "muted"),
    keypad: roundButton("keypad", "Keys", "keys"),
    sound: h("button", { type: "button", class: "plain", hidden: true }, "Turn the sound on"),
    pad: pad(),
    pressed: h("output", { class: "pressed", "aria-label": "Keys pressed" }),
    you: meter("you", "How loud you are"),
    agent: meter("agent", "How loud the agent is"),
    yourSide: h("span", { class: "side", "aria-hidden": "true" }, "You"),
    otherSide: h("span", { class: "side", "aria-hidden": "true" }, "Agent"),
    microphone: h("select", { id: "microphone" }),
    latency: h("p", { class: "latency" }),
    lines: h("ol", { class: "lines" }),
    speaking: h("div", { class: "line agent speaking", "aria-hidden": "true", hidden: true },
      h("span", { class: "dots" }, h("i"), h("i"), h("i")), h("span", { class: "after" })),
    empty: h("p", { class: "empty" }, "What is said appears here while you talk."),
    audio: h("audio", { autoplay: true, playsinline: true }),
  };
  view.log = h("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": "Transcript", tabindex: "0" },
    view.lines, view.speaking, view.empty);
  view.padPanel = h("div", { class: "pad", id: "pad", hidden: true }, view.pressed, view.pad);
  view.keypad.button.setAttribute("aria-controls", "pad");
  const top = h("div", { class: "top" },
    h("header", {}, view.avatar, h("div", { class: "who" }, view.label,
      h("div", { class: "state" }, view.status, view.clock))),
    view.note,
    view.alert,
    view.sound,
    h("div", { class: "meters" },
      view.yourSide, view.you,
      view.otherSide, view.agent),
    view.latency);
  view.device = h("div", { class: "device" }, h("label", { for: "microphone" }, "Microphone"), view.microphone);
  view.call.button.setAttribute("aria-describedby", "note");
  const bottom = h("div", { class: "bottom" },
    view.padPanel,
    h("div", { class: "controls" }, view.call.button, view.mute.button, view.keypad.button, view.hangUp.button),
    view.device);
  view.card = h("section", { class: "card", part: "card", "data-state": "idle" }, top, view.log, bottom, view.audio);
  return view;
}

const CALLER = { agent: "Agent", caller: "You", keys: "You pressed" };
const OBSERVER = { agent: "Agent", caller: "Caller", keys: "Caller pressed" };

/** A line of the transcript, for the caller or for who observes the call. */
export function line({ speaker, text, latencyMs }, isObserved) {
  const who = (isObserved ? OBSERVER : CALLER)[speaker] ?? "Agent";
  const kind = speaker === "caller" || speaker === "keys" ? "caller" : "agent";
  const said = h("span", { class: speaker === "keys" ? "text pressed-keys" : "text" }, text);
  const after = typeof latencyMs === "number" ? [h("span", { class: "after" }, ` after ${seconds(latencyMs)}`)] : [];
  return h("li", { class: `line ${kind}` }, h("span", { class: "speaker" }, who, ...after), said);
}

export function seconds(milliseconds) {
  return milliseconds < 100 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

// <callplane-call>: talks to an agent of Callplane from a page, or joins a running call.

import { Call, CallError } from "./client.js";
import { Levels } from "./levels.js";
import { microphones, openMicrophone } from "./microphone.js";
import { style } from "./style.js";
import { build, h, line, seconds } from "./view.js";

const STATES = {
  idle: "Ready to call",
  starting: "Calling…",
  talking: "On the call",
  interrupted: "Connection lost, finding another way…",
  ending: "Hanging up…",
  ended: "The call is over",
};
/** What a supervisor does in a call, by mode. */
const MODES = {
  listen: { name: "Listen to a call", note: "You hear everybody. Your microphone is off." },
  whisper: { name: "Whisper in a call", note: "You hear everybody. Of you only the caller's colleague hears anything." },
  talk: { name: "Talk in a call", note: "Everybody hears you. The agent is silent until you leave." },
};
/** Why a call ended, for people; by `hangupCause`. */
const CAUSES = {
  media_timeout: "The connection was lost.",
  silence_timeout: "Nothing was heard of you for long, so the agent hung up.",
  max_duration: "The longest call was reached.",
  node_drain: "The agent's server is being restarted.",
};
/** Lines that are kept of one call. */
const MAX_LINES = 500;

/**
 * The element. Attributes: `src` (base URL of the media node; left out, the one that the page came from), `agent` or, to
 * join a running call, `call` (its id) and `mode` (`listen`, `whisper`, `talk`), `token`, `label` (what it is called).
 * Events: `callstart`, `transcript`, `latency`, `callend`, `error`.
 */
export class CallplaneCall extends HTMLElement {
  static observedAttributes = ["agent", "call", "mode", "label"];

  /** Gives the token of a call, asked for each one; comes before the attribute `token`. */
  getToken;
  /** What the microphone is opened with, as getUserMedia has it. */
  audioConstraints;

  #view = build();
  #state = "idle";
  #call;
  #track;
  #levels;
  #since = 0;
  #ticking;
  #latencies = [];
  #choice = 0;
  #onDevices = () => this.#listMicrophones();

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    root.append(this.#view.card);
    const { call, hangUp, mute, keypad, sound, pad, microphone, audio } = this.#view;
    call.button.addEventListener("click", () => this.start().catch(() => {}));
    hangUp.button.addEventListener("click", () => this.hangUp());
    mute.button.addEventListener("click", () => { this.muted = !this.muted; });
    keypad.button.addEventListener("click", () => this.#showPad(this.#view.padPanel.hidden));
    sound.addEventListener("click", () => { audio.play(); sound.hidden = true; });
    pad.addEventListener("click", ({ target }) => this.#pressed(target.closest("[data-key]")?.dataset.key));
    microphone.addEventListener("change", () => this.#changeMicrophone());
    root.addEventListener("keydown", (event) => this.#typed(event));
    this.#show("idle");
  }

  connectedCallback() {
    navigator.mediaDevices?.addEventListener("devicechange", this.#onDevices);
    this.#listMicrophones();
    this.#rename();
  }

  disconnectedCallback() {
    // A move within the page is no farewell.
    queueMicrotask(() => {
      if (this.isConnected) return;
      navigator.mediaDevices?.removeEventListener("devicechange", this.#onDevices);
      this.hangUp();
    });
  }

  attributeChangedCallback() {
    this.#rename();
  }

  get src() { return this.getAttribute("src") ?? ""; }
  set src(value) { this.setAttribute("src", value); }
  get agent() { return this.getAttribute("agent") ?? ""; }
  set agent(value) { this.setAttribute("agent", value); }
  get call() { return this.getAttribute("call") ?? ""; }
  set call(value) { this.setAttribute("call", value); }
  get mode() {
    const mode = this.getAttribute("mode");
    return Object.hasOwn(MODES, mode ?? "") ? mode : "listen";
  }
  set mode(value) { this.setAttribute("mode", value); }
  get token() { return this.getAttribute("token") ?? ""; }
  set token(value) { this.setAttribute("token", value); }
  get label() { return this.getAttribute("label") ?? ""; }
  set label(value) { this.setAttribute("label", value); }

  /** `idle`, `starting`, `talking`, `interrupted`, `ending` or `ended`. */
  get state() { return this.#state; }

  /** Whether the agent hears nothing of the microphone. */
  get muted() { return this.#view.mute.button.getAttribute("aria-pressed") === "true"; }
  set muted(value) {
    const { mute, card } = this.#view;
    mute.button.setAttribute("aria-pressed", String(Boolean(value)));
    card.classList.toggle("is-muted", Boolean(value));
    if (this.#track) this.#track.enabled = !value;
  }

  get #isObserver() { return this.call !== ""; }
  get #whom() { return this.#isObserver ? { call: this.call } : { agent: this.agent }; }
  /** Whether the microphone is wanted at all. */
  get #speaks() { return !this.#isObserver || this.mode !== "listen"; }

  /** Calls the agent, or joins the call. Fails, with a sentence that is shown as well, where no call comes about. */
  async start() {
    if (!["idle", "ended"].includes(this.#state)) return;
    this.#clear();
    this.#show("starting");
    const call = new Call();
    this.#call = call;
    const handlers = {
      connected: () => this.#connected(),
      interrupted: () => this.#show("interrupted"),
      transcript: (message) => this.#said(message),
      latency: (detail) => this.#answering(detail),
      ended: (detail) => this.#ended(detail),
    };
    for (const [name, handle] of Object.entries(handlers)) {
      call.addEventListener(name, ({ detail }) => { if (this.#call === call) handle(detail); });
    }
    try {
      // Made here, in the gesture of the user.
      this.#levels = new Levels();
      if (this.#speaks) this.#speakWith(await this.#open());
      const token = this.getToken ? await this.getToken() : this.token;
      if (this.#call !== call) return;
      this.#play(call.remote);
      await call.start({ ...this.#whom, base: this.#base(), token, track: this.#track });
    } catch (error) {
      if (this.#call === call) this.#fail(error);
      throw error;
    }
  }

  /** Ends the call. */
  async hangUp() {
    if (["idle", "ended", "ending"].includes(this.#state)) return;
    this.#show("ending");
    this.#track?.stop();
    await this.#call.hangUp();
  }

  /** Sends keys: digits, `*` and `#`. Whether they could be sent. */
  press(keys) {
    const sent = this.#call?.press(keys) ?? false;
    if (sent) this.#view.pressed.value += keys;
    return sent;
  }

  /** Finds a new way to the agent, as after a change of network. */
  async restart() {
    await this.#call?.restart();
  }

  #connected() {
    const isFirst = this.#since === 0;
    if (isFirst) {
      this.#since = Date.now();
      this.#ticking = setInterval(() => this.#tick(), 500);
      this.#tick();
      this.#levels.measure("agent", this.#call.remote, (level) => {
        this.#draw(this.#view.agent, level);
        this.#draw(this.#view.avatar, level);
      }, (level) => tell(this.#view.agent, level));
    }
    this.#show("talking");
    if (isFirst) this.#dispatch("callstart", this.#whom);
  }

  #said(message) {
    const { lines, speaking } = this.#view;
    if (message.speaker === "agent") speaking.hidden = true;
    lines.append(line(message, this.#isObserver));
    if (lines.childElementCount > MAX_LINES) lines.firstElementChild.remove();
    this.#scroll();
    this.#dispatch("transcript", message);
  }

  #answering(detail) {
    const { latency, speaking } = this.#view;
    this.#latencies.push(detail.latencyMs);
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    const usual = sorted.length > 2 ? `, usually ${seconds(median)}` : "";
    const after = `after ${seconds(detail.latencyMs)}`;
    latency.textContent = `Answered ${after}${usual}`;
    speaking.querySelector(".after").textContent = after;
    speaking.hidden = false;
    this.#scroll();
    this.#dispatch("latency", detail);
  }

  #ended(detail) {
    const { hangupCause, hangupParty, error } = detail;
    const wasIn = this.shadowRoot.activeElement !== null;
    const took = this.#since === 0 ? 0 : Math.round((Date.now() - this.#since) / 1000);
    this.#release();
    this.#show("ended");
    const caller = this.#isObserver ? "The caller hung up" : "You hung up";
    const who = { caller, callee: "The agent hung up", observer: "You left" }[hangupParty];
    const why = CAUSES[hangupCause];
    this.#view.status.textContent = [who ?? STATES.ended, took > 0 ? length(took) : ""].filter(Boolean).join(" · ");
    const alert = error ?? (hangupParty === "system" ? why : undefined);
    if (alert) this.#view.alert.textContent = alert;
    if (wasIn) this.#view.call.button.focus();
    if (error) this.#dispatch("error", { message: error, status: 0 });
    this.#dispatch("callend", { hangupCause, hangupParty, seconds: took });
  }

  #base() {
    const src = this.src || "/";
    return new URL(src.endsWith("/") ? src : `${src}/`, document.baseURI);
  }

  async #open() {
    const track = await openMicrophone(this.#view.microphone.value, this.audioConstraints);
    if (!["starting", "talking", "interrupted"].includes(this.#state)) {
      track.stop();
      throw new CallError("The call was ended.");
    }
    // Their names are known from here on.
    await this.#listMicrophones(track.getSettings().deviceId);
    return track;
  }

  #speakWith(track) {
    this.#track?.stop();
    this.#track = track;
    track.enabled = !this.muted;
    // It was pulled out.
    track.addEventListener("ended", () => { if (track === this.#track) this.#changeMicrophone(""); });
    const { you } = this.#view;
    this.#levels.measure("you", new MediaStream([track]), (level) => this.#draw(you, level), (level) => tell(you, level));
  }

  /** Speaks with the microphone that was chosen; without a call it is the one that the next is begun with. */
  async #changeMicrophone(id = this.#view.microphone.value) {
    if (!this.#track) return;
    this.#view.microphone.value = id;
    const choice = ++this.#choice;
    try {
      const track = await this.#open();
      if (choice !== this.#choice) {
        // Another was chosen meanwhile.
        track.stop();
        return;
      }
      await this.#call?.replaceTrack(track);
      this.#speakWith(track);
    } catch (error) {
      this.#view.alert.textContent = error.message;
    }
  }

  async #listMicrophones(current = this.#view.microphone.value) {
    const { microphone } = this.#view;
    const found = await microphones().catch(() => []);
    const options = found.map(({ id, name }) => h("option", { value: id }, name));
    if (!found.some(({ id }) => id === "default")) options.unshift(h("option", { value: "" }, "The usual one"));
    microphone.replaceChildren(...options);
    if (options.some(({ value }) => value === current)) microphone.value = current;
  }

  #play(stream) {
    const { audio, sound } = this.#view;
    audio.srcObject = stream;
    audio.play().catch(({ name }) => { sound.hidden = name !== "NotAllowedError"; });
  }

  #typed(event) {
    const { key, ctrlKey, altKey, metaKey, target } = event;
    if (this.#isObserver || this.#state !== "talking" || ctrlKey || altKey || metaKey || target.localName === "select") return;
    if (!/^[0-9*#]$/.test(key)) return;
    event.preventDefault();
    this.#pressed(key);
  }

  #pressed(key) {
    if (key === undefined || !this.press(key)) return;
    const button = this.#view.pad.querySelector(`[data-key="${CSS.escape(key)}"]`);
    button.classList.add("down");
    setTimeout(() => button.classList.remove("down"), 150);
  }

  #showPad(isShown) {
    this.#view.padPanel.hidden = !isShown;
    this.#view.card.classList.toggle("has-pad", isShown);
    this.#view.keypad.button.setAttribute("aria-expanded", String(isShown));
    this.#scroll();
  }

  #fail(error) {
    const wasIn = this.shadowRoot.activeElement !== null;
    const message = error instanceof CallError ? error.message : `The call could not be made: ${error.message}`;
    this.#release();
    this.#show("ended");
    this.#view.status.textContent = "The call did not come about";
    this.#view.alert.textContent = message;
    this.#holdBack(error.retryAfter ?? 0);
    if (wasIn && !this.#view.call.button.disabled) this.#view.call.button.focus();
    this.#dispatch("error", { message, status: error.status ?? 0 });
  }

  /** Nobody calls again before the server wants it. */
  #holdBack(seconds) {
    const { button, name } = this.#view.call;
    button.disabled = seconds > 0;
    name.textContent = seconds > 0 ? `Again in ${seconds} s` : this.#again();
    if (seconds > 0) setTimeout(() => this.#holdBack(seconds - 1), 1000);
  }

  #again() {
    return this.#isObserver ? "Join again" : "Call again";
  }

  /** Lets go of everything that a call holds. */
  #release() {
    this.#call = undefined;
    clearInterval(this.#ticking);
    this.#track?.stop();
    this.#track = undefined;
    this.#levels?.close();
    this.#levels = undefined;
    this.#view.audio.srcObject = null;
    this.#view.sound.hidden = true;
    this.#view.speaking.hidden = true;
    this.#showPad(false);
  }

  #clear() {
    const { alert, lines, latency, pressed, clock, call } = this.#view;
    for (const element of [alert, lines, latency, clock]) element.replaceChildren();
    pressed.value = "";
    call.name.textContent = this.#isObserver ? "Join" : "Call";
    this.#latencies = [];
    this.#since = 0;
    this.muted = false;
  }

  #show(state) {
    const { card, status, clock, call, hangUp, mute, keypad } = this.#view;
    const focused = this.shadowRoot.activeElement;
    this.#state = state;
    const isUp = ["starting", "talking", "interrupted", "ending"].includes(state);
    card.dataset.state = state;
    status.textContent = STATES[state];
    call.button.hidden = isUp;
    clock.hidden = !isUp;
    hangUp.button.hidden = !isUp;
    mute.button.hidden = !isUp || !this.#speaks;
    // Keys of a supervisor are nobody's.
    keypad.button.hidden = !isUp || this.#isObserver;
    hangUp.button.disabled = state === "ending";
    keypad.button.disabled = state !== "talking";
    if (state === "ended") call.name.textContent = this.#again();
    // Not to the button that hangs up: whoever still holds Enter down would.
    if (focused?.hidden || focused?.disabled) status.focus();
  }

  #tick() {
    this.#view.clock.textContent = length(Math.floor((Date.now() - this.#since) / 1000));
  }

  #draw(element, level) {
    element.style.setProperty("--level", level.toFixed(2));
  }

  #scroll() {
    const { log } = this.#view;
    log.scrollTop = log.scrollHeight;
  }

  #rename() {
    const { label, note, you, yourSide, otherSide, device, call, hangUp, agent } = this.#view;
    const mode = MODES[this.mode];
    const name = this.label || (this.#isObserver ? mode.name : this.agent) || "Agent";
    label.textContent = name;
    note.hidden = !this.#isObserver;
    note.textContent = this.#isObserver ? mode.note : "";
    for (const element of [you, yourSide, device]) element.hidden = !this.#speaks;
    otherSide.textContent = this.#isObserver ? "Call" : "Agent";
    agent.setAttribute("aria-label", this.#isObserver ? "How loud the call is" : "How loud the agent is");
    hangUp.name.textContent = this.#isObserver ? "Leave" : "Hang up";
    if (this.#state === "idle") call.name.textContent = this.#isObserver ? "Join" : "Call";
    const words = name.split(/[\s-]+/).filter(Boolean);
    this.#view.avatar.textContent = words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("");
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: type !== "error", composed: true }));
  }
}

function tell(meter, level) {
  meter.setAttribute("aria-valuenow", String(Math.round(level * 100)));
}

function length(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

if (!customElements.get("callplane-call")) customElements.define("callplane-call", CallplaneCall);

// One call of an agent, or a supervisor's part in one, by WHIP (RFC 9725): no page, no picture, only the call.

/** Relation of the events of a running call. */
const EVENTS = "urn:ietf:params:whip:ext:core:server-sent-events";
const FRAGMENT = "application/trickle-ice-sdpfrag";
/** A connection that breaks off often comes back by itself within this time. */
const PATIENCE_MS = 2_000;
/** Between two tries to restart ICE. */
const RETRY_MS = 3_000;
/** How long the media may take to come through, and how long it may stay away (RFC 7675). */
const CONNECT_MS = 20_000;
const LOST_MS = 35_000;
/** How long the last lines of the transcript may take after hanging up. */
const LAST_LINES_MS = 1_500;
/** Length of a key and of the pause behind it. */
const KEY_MS = 120;
const PAUSE_MS = 80;

/** Why a call could not be made, as a sentence for people. */
export class CallError extends Error {
  /** @param {string} message @param {{status?: number, retryAfter?: number}} more */
  constructor(message, { status = 0, retryAfter = 0 } = {}) {
    super(message);
    this.name = "CallError";
    /** Status of the answer, 0 if there was none. */
    this.status = status;
    /** Seconds to wait before the next try. */
    this.retryAfter = retryAfter;
  }
}

/**
 * A call. Dispatches `connected`, `interrupted`, `transcript`, `latency` and, once and last, `ended`.
 */
export class Call extends EventTarget {
  #peer;
  #sender;
  #transport;
  #observes = false;
  #location;
  #events;
  #timers = new Map();
  #restarting = false;
  #interrupted = false;
  #network = navigator.connection?.type;
  #over = false;
  #leaving = false;
  #onNetwork = () => this.#networkChanged();
  #onLeave = () => this.#delete();

  /** What the agent says; in a call that was joined, what everybody says. */
  remote = new MediaStream();

  /**
   * Calls `agent` at `base` with the microphone's `track`, or joins the running call whose id is `call`: without a
   * `track` to listen alone.
   */
  async start({ base, agent, call, token, track }) {
    const peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.#peer = peer;
    this.#observes = call !== undefined;
    const audio = track
      ? peer.addTransceiver(track, { direction: "sendrecv", streams: [new MediaStream([track])] })
      : peer.addTransceiver("audio", { direction: "recvonly" });
    this.#sender = audio.sender;
    peer.addEventListener("track", ({ track: agentTrack }) => this.remote.addTrack(agentTrack));
    peer.addEventListener("connectionstatechange", () => this.#changed());
    try {
      const offer = await peer.createOffer();
      const path = this.#observes ? `observe/${encodeURIComponent(call)}` : `whip/${encodeURIComponent(agent)}`;
      const answer = await post(new URL(path, base), offer.sdp, token);
      this.#location = new URL(answer.headers.get("Location"), answer.url);
      if (this.#over) {
        // Who hung up while it rang does not leave the agent waiting.
        this.#delete();
        return;
      }
      addEventListener("pagehide", this.#onLeave);
      const links = parseLinks(answer.headers.get("Link"));
      this.#follow(links.find(({ rel }) => rel === EVENTS));
      // Before anything is gathered, as RFC 9725 section 4.6 says.
      const iceServers = links.filter(({ rel }) => rel === "ice-server").map(iceServer);
      if (iceServers.length > 0) peer.setConfiguration({ bundlePolicy: "max-bundle", iceServers });
      await peer.setLocalDescription(offer);
      await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    } catch (error) {
      const wasOver = this.#over;
      this.#delete();
      this.#close();
      if (!wasOver) throw error;
      return;
    }
    this.#transport = audio.receiver.transport;
    this.#transport?.addEventListener("statechange", () => this.#transportChanged());
    this.#after("connect", CONNECT_MS, () => {
      this.#delete();
      this.#end({ error: "No sound comes through: the network between here and the agent lets no media pass." });
    });
    if (navigator.connection?.type) navigator.connection.addEventListener("change", this.#onNetwork);
    addEventListener("online", this.#onNetwork);
  }

  /** Whether keys can be sent. */
  get takesKeys() {
    return this.#sender?.dtmf?.canInsertDTMF ?? false;
  }

  /** Sends keys, behind those on their way. */
  press(keys) {
    const dtmf = this.#sender?.dtmf;
    if (!dtmf?.canInsertDTMF) return false;
    dtmf.insertDTMF(dtmf.toneBuffer + keys, KEY_MS, PAUSE_MS);
    return true;
  }

  /** Speaks with another microphone from here on. */
  async replaceTrack(track) {
    await this.#sender?.replaceTrack(track);
  }

  /** Ends the call; its last lines are waited for. */
  async hangUp() {
    if (this.#over || this.#leaving) return;
    this.#leaving = true;
    // A call goes on without a supervisor who leaves it.
    const ended = this.#observes ? { hangupParty: "observer" } : { hangupCause: "normal_clearing", hangupParty: "caller" };
    if (!this.#location || !this.#events || this.#observes) {
      this.#delete();
      this.#end(ended);
      return;
    }
    this.#after("last lines", LAST_LINES_MS, () => this.#end(ended));
    await this.#delete();
  }

  /** Finds a new way to the media node (RFC 9725 section 4.3.3), as after a change of network. */
  async restart() {
    if (this.#over || this.#leaving || this.#restarting || !this.#location) return;
    this.#restarting = true;
    const peer = this.#peer;
    try {
      if (peer.signalingState !== "stable") return;
      peer.restartIce();
      await peer.setLocalDescription(await peer.createOffer());
      const response = await fetch(this.#location, {
        method: "PATCH",
        headers: { "Content-Type": FRAGMENT, "If-Match": "*" },
        body: fragmentOf(peer.localDescription.sdp),
        signal: AbortSignal.timeout(RETRY_MS * 2),
      });
      if (response.status === 404) {
        this.#end({});
        return;
      }
      if (!response.ok) throw new CallError(`ICE was not restarted: ${response.status}`);
      const sdp = renewed(peer.remoteDescription.sdp, await response.text());
      await peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      // The network is still away, mostly: once more, until the agent has given up.
      if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" });
      this.#after("restart", RETRY_MS, () => this.restart());
    } finally {
      this.#restarting = false;
    }
  }

  #follow(link) {
    if (!link) return;
    const events = new EventSource(new URL(link.url, this.#location));
    this.#events = events;
    for (const name of ["transcript", "latency"]) {
      events.addEventListener(name, ({ data }) => this.#tell(name, JSON.parse(data)));
    }
    events.addEventListener("ended", ({ data }) => this.#end(JSON.parse(data)));
  }

  #changed() {
    const state = this.#peer.connectionState;
    if (state === "connected") {
      this.#interrupted = false;
      for (const name of ["connect", "lost", "restart"]) this.#forget(name);
      this.#tell("connected");
    } else if (state === "disconnected" || state === "failed") {
      if (!this.#interrupted) {
        this.#interrupted = true;
        this.#after("lost", LOST_MS, () => this.#end({ hangupCause: "media_timeout", hangupParty: "system" }));
        this.#tell("interrupted");
      }
      this.#after("restart", state === "failed" ? 0 : PATIENCE_MS, () => this.restart());
    }
  }

  /** The agent hung up, and says so in the events; where those are cut off, this is how it is noticed. */
  #transportChanged() {
    if (this.#transport?.state === "closed") {
      this.#after("closed", LAST_LINES_MS, () => this.#end({}));
    }
  }

  #networkChanged() {
    // It changes with every estimate of the speed as well.
    const network = navigator.connection?.type;
    const isOther = network !== this.#network || network === undefined;
    this.#network = network;
    if (isOther && navigator.onLine && this.#peer.connectionState !== "new") this.restart();
  }

  async #delete() {
    if (!this.#location) return;
    const location = this.#location;
    this.#location = undefined;
    try {
      await fetch(location, { method: "DELETE", keepalive: true });
    } catch {
      // It ends at the latest when nothing is heard of us any more.
    }
  }

  #end(detail) {
    if (this.#over) return;
    this.#close();
    this.#tell("ended", detail);
  }

  #close() {
    this.#over = true;
    for (const name of [...this.#timers.keys()]) this.#forget(name);
    this.#events?.close();
    this.#peer?.close();
    navigator.connection?.removeEventListener("change", this.#onNetwork);
    removeEventListener("online", this.#onNetwork);
    removeEventListener("pagehide", this.#onLeave);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #after(name, ms, then) {
    this.#forget(name);
    this.#timers.set(name, setTimeout(then, ms));
  }

  #forget(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

async function post(url, body, token) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
      body,
    });
  } catch {
    throw new CallError("The agent cannot be reached: check the connection to the internet.");
  }
  if (response.status === 201) return response;
  throw new CallError(await reason(response), {
    status: response.status,
    retryAfter: Number.parseInt(response.headers.get("Retry-After") ?? "0", 10) || 0,
  });
}

/** The sentence of RFC 9457 that comes with a refusal. */
async function reason(response) {
  try {
    const { detail } = await response.json();
    if (typeof detail === "string" && detail !== "") return sentence(detail);
  } catch {
    // Something between here and the media node answered.
  }
  return `The call was refused with status ${response.status}.`;
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** The links of a `Link` header (RFC 8288), with their parameters. */
export function parseLinks(header) {
  const links = [];
  for (const [, url, rest] of (header ?? "").matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
    const link = { url };
    for (const [, name, value] of rest.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)) {
      link[name] = value.replace(/\\(.)/g, "$1");
    }
    links.push(link);
  }
  return links;
}

function iceServer({ url, username, credential }) {
  return username === undefined ? { urls: url } : { urls: url, username, credential };
}

/** What of an offer names its way in (RFC 8840 section 9). */
function fragmentOf(sdp) {
  const lines = sdp.split(/\r?\n/);
  const first = (prefix) => lines.find((line) => line.startsWith(prefix));
  const wanted = ["a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:"].map(first);
  return [...wanted, ...lines.filter((line) => line.startsWith("a=candidate:")), ""]
    .filter((line) => line !== undefined)
    .join("\r\n");
}

/** The answer that we have, with the way in that `fragment` names. */
function renewed(answer, fragment) {
  const lines = fragment.split(/\r?\n/);
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  const put = (sdp, prefix) => {
    const line = lines.find((one) => one.startsWith(prefix));
    return line === undefined ? sdp : sdp.replaceAll(new RegExp(`^${prefix}.*$`, "gm"), line);
  };
  const sdp = put(put(answer.replaceAll("\r\n", "\n"), "a=ice-ufrag:"), "a=ice-pwd:");
  if (candidates.length === 0) return sdp.replaceAll("\n", "\r\n");
  const kept = sdp.split("\n").filter((line) => !line.startsWith("a=candidate:"));
  const place = kept.findIndex((line) => line.startsWith("a=ice-pwd:"));
  kept.splice(place + 1, 0, ...candidates);
  return kept.join("\r\n");
}

/** A line of the transcript. */
export interface TranscriptMessage {
  speaker: "agent" | "caller" | "keys";
  /** What was heard. */
  text: string;
  /** When it began, RFC 3339. */
  at: string | null;
  /** What the caller had waited for it. */
  latencyMs: number | null;
  /** How sure the recogniser was, 0 to 1. */
  confidence: number | null;
}

/** How a call ended, in the words of its record; `observer` is a supervisor who left a call that goes on. */
export interface CallEnd {
  hangupCause?: string;
  hangupParty?: "caller" | "callee" | "system" | "observer";
}

/** Whom to call. */
export interface AgentCall {
  base: URL | string;
  agent: string;
  token: string;
  track: MediaStreamTrack;
}

/** Which running call to join; without a track to listen alone. */
export interface ObservedCall {
  base: URL | string;
  /** Its id. */
  call: string;
  token: string;
  track?: MediaStreamTrack;
}

/** Why a call could not be made, as a sentence for people. */
export declare class CallError extends Error {
  /** Status of the answer, 0 if there was none. */
  status: number;
  /** Seconds to wait before the next try. */
  retryAfter: number;
}

/** One call. Dispatches `connected`, `interrupted`, `transcript`, `latency` and, once and last, `ended`. */
export declare class Call extends EventTarget {
  /** What the agent says; in a call that was joined, what everybody says. */
  readonly remote: MediaStream;
  /** Whether keys can be sent. */
  readonly takesKeys: boolean;
  start(call: AgentCall | ObservedCall): Promise<void>;
  press(keys: string): boolean;
  replaceTrack(track: MediaStreamTrack): Promise<void>;
  restart(): Promise<void>;
  hangUp(): Promise<void>;
}

import type { CallEnd, TranscriptMessage } from "./client.js";

export interface CallplaneCallEvents {
  callstart: CustomEvent<{ agent: string } | { call: string }>;
  transcript: CustomEvent<TranscriptMessage>;
  latency: CustomEvent<{ latencyMs: number }>;
  callend: CustomEvent<CallEnd & { seconds: number }>;
  error: CustomEvent<{ message: string; status: number }>;
}

export declare class CallplaneCall extends HTMLElement {
  src: string;
  agent: string;
  call: string;
  mode: string;
  token: string;
  label: string;
  muted: boolean;
  getToken?: () => string | Promise<string>;
  audioConstraints?: MediaTrackConstraints;
  readonly state: "idle" | "starting" | "talking" | "interrupted" | "ending" | "ended";
  start(): Promise<void>;
  hangUp(): Promise<void>;
  press(keys: string): boolean;
  restart(): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    "callplane-call": CallplaneCall;
  }
}

// The microphone: which there are, and opening one.

import { CallError } from "./client.js";

const NEEDED = "the agent hears you by the microphone";

/** What a browser is asked for unless the page wants something else. */
const USUAL = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Opens a microphone: the one with this id if it is there, else the usual one. */
export async function openMicrophone(deviceId, constraints = USUAL) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CallError("Browsers open the microphone only on https pages and on localhost.");
  }
  try {
    // `ideal` is not enough: browsers that have one open already rather give that again.
    return await open(deviceId ? { ...constraints, deviceId: { exact: deviceId } } : constraints);
  } catch (error) {
    const isGone = deviceId && ["OverconstrainedError", "NotFoundError"].includes(error.name);
    if (isGone) return openMicrophone("", constraints);
    throw new CallError(reason(error));
  }
}

async function open(audio) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  return stream.getAudioTracks()[0];
}

function reason({ name, message }) {
  switch (name) {
    case "NotAllowedError":
      return `Allow this page to use the microphone in the browser's settings: ${NEEDED}.`;
    case "NotFoundError":
      return `There is no microphone: connect one, ${NEEDED}.`;
    case "NotReadableError":
      return "Another program holds the microphone: close that and call again.";
    default:
      return `The microphone could not be opened: ${message}`;
  }
}

/** The microphones, as id and name. Before one was opened, browsers tell of neither. */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "")
    .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `Microphone ${index + 1}` }));
}

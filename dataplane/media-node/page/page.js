// The page of a media node: finds out whom to call, or which call to join, and with which token, and leaves the rest to
// <callplane-call>.

import "./callplane-call.js";

const call = document.querySelector("callplane-call");
const form = document.querySelector("#who");
const { agent, token } = form.elements;

// /call/AGENT#token=TOKEN, or /observe/CALL#token=TOKEN. What is behind the # is never sent anywhere, and goes from the address bar and the history
// as soon as it is read.
const [, what, named = ""] = location.pathname.match(/^\/(call|observe)\/([^/]+)\/?$/) ?? [];
const observes = what === "observe";
if (observes) {
  // It is known already.
  for (const element of [agent, ...agent.labels]) element.hidden = true;
  form.querySelector("h2").textContent = "Join a call";
  document.querySelector("#why").textContent = "A token lets you join this call once, for a short time. Whoever may mints one with kubectl.";
  document.querySelector("h1").textContent = "Join a call";
}
agent.value = decode(named);
token.value = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
if (location.hash) history.replaceState(null, "", location.pathname + location.search);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ready();
  call.shadowRoot.querySelector("button.call").focus();
});

// Another token is wanted where this one does not do any more.
call.addEventListener("error", ({ detail }) => {
  if (detail.status !== 401 && detail.status !== 403) return;
  token.value = "";
  form.hidden = false;
});
call.addEventListener("callstart", () => { form.hidden = true; });

if (agent.value && token.value) ready();
else form.hidden = false;

function ready() {
  call.token = token.value.trim();
  if (observes) {
    call.call = agent.value;
    call.mode = modeOf(call.token);
    document.title = "Join a call";
  } else {
    call.agent = agent.value.trim();
    document.title = `Call ${call.agent}`;
  }
  call.hidden = false;
  form.hidden = true;
}

/** What the token permits, for what is shown and asked of the microphone; the media node goes by the token itself. */
function modeOf(text) {
  try {
    const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)).mode ?? "listen";
  } catch {
    return "listen";
  }
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

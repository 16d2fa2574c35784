// The page of a media node: finds out whom to call and with which token, and leaves the rest to <callplane-call>.

import "./callplane-call.js";

const call = document.querySelector("callplane-call");
const form = document.querySelector("#who");
const { agent, token } = form.elements;

// /call/AGENT#token=TOKEN. What is behind the # is never sent anywhere, and goes from the address bar and the history
// as soon as it is read.
const named = location.pathname.match(/^\/call\/([^/]+)\/?$/)?.[1] ?? "";
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
  call.agent = agent.value.trim();
  call.token = token.value.trim();
  call.hidden = false;
  form.hidden = true;
  document.title = `Call ${call.agent}`;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

"""Chromium with a page, steered by lines of JSON.

usage: chromium.py OPTIONS, OPTIONS being JSON:
  wav     file that the microphone hears, once; silence behind its end
  dark    whether the user likes it dark
  width, height   of the window

Reads a command a line and answers each with a line, {"ok": ...} or {"error": "..."}:
  {"do": "open", "url": ..., "html": ...}     opens a page; with html, that is what the URL answers
  {"do": "press", "keys": [...]}              presses keys of the keyboard
  {"do": "evaluate", "script": ...}           the value of a script in the page
  {"do": "listen", "script": ...}             records the MediaStream that is the value of a script
  {"do": "heard", "file": ...}                writes what was recorded, 16-bit mono of 8 kHz
  {"do": "check"}                             what axe finds wrong for users with disabilities
  {"do": "picture", "file": ...}              a PNG of the page
  {"do": "complaints"}                        errors and warnings of the console so far
"""

import base64
import importlib.resources
import json
import sys
import wave

from playwright.sync_api import sync_playwright

RATE = 8000
LISTEN = """
(stream) => {
  const context = new AudioContext({ sampleRate: %d });
  const tap = context.createScriptProcessor(1024, 1, 1);
  const heard = (window.heard = []);
  tap.onaudioprocess = ({ inputBuffer }) => heard.push(...inputBuffer.getChannelData(0));
  context.createMediaStreamSource(stream).connect(tap);
  tap.connect(context.destination);
}
""" % RATE
HEARD = """
(() => {
  const octets = new Uint8Array(Int16Array.from(heard, (sample) => Math.round(sample * 32767)).buffer);
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return btoa(text);
})()
"""
CHECK = """
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then(({ violations }) => violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`))
"""


def launch(playwright, options):
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        "--allow-loopback-in-peer-connection",
        # Nobody but this machine is asked for anything.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        "--no-proxy-server",
        # A page that a test makes up is of no network, and would have to ask the user before it talks to this machine.
        "--disable-features=LocalNetworkAccessChecks",
    ]
    if options.get("wav"):
        arguments.append(f"--use-file-for-fake-audio-capture={options['wav']}%noloop")
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=arguments)


class Steered:
    def __init__(self, page):
        self.page = page
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self.said)

    def said(self, message):
        # What is recorded with here is old-fashioned.
        ours = "ScriptProcessorNode" in message.text
        if message.type in ("error", "warning") and not ours:
            self.complaints.append(message.text)

    def open(self, url, html=None):
        if html is not None:
            self.page.route(url, lambda route: route.fulfill(content_type="text/html", body=html))
        self.page.goto(url)

    def press(self, keys):
        for key in keys:
            self.page.keyboard.press(key)

    def evaluate(self, script):
        return self.page.evaluate(script)

    def listen(self, script):
        self.page.evaluate(f"({LISTEN})({script})")

    def heard(self, file):
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(base64.b64decode(self.page.evaluate(HEARD)))

    def check(self):
        axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
        # An object of its window cannot be handed out of it.
        self.page.evaluate(f"(() => {{ {axe}; }})()")
        return self.page.evaluate(CHECK)

    def picture(self, file):
        self.page.screenshot(path=file)


def main(options):
    with sync_playwright() as playwright:
        browser = launch(playwright, options)
        context = browser.new_context(
            viewport={"width": options.get("width", 1024), "height": options.get("height", 768)},
            color_scheme="dark" if options.get("dark") else "light",
            permissions=["microphone"],
        )
        steered = Steered(context.new_page())
        for line in sys.stdin:
            command = json.loads(line)
            do = command.pop("do")
            try:
                if do == "complaints":
                    answer = {"ok": steered.complaints}
                else:
                    answer = {"ok": getattr(steered, do)(**command)}
            except Exception as error:
                answer = {"error": f"{do}: {error}"}
            print(json.dumps(answer), flush=True)
        browser.close()


main(json.loads(sys.argv[1]))

"""A browser's end of a call that this project did not write: aiortc, steered by arguments.

usage: aiortc.py URL TOKEN OPTIONS, OPTIONS being JSON:
  wav      file to speak, 16-bit mono of 8 kHz; silence without one, and behind its end
  record   file for what is heard, 16-bit mono of 48 kHz
  seconds  after so long, from being connected, it ends as `end` says
  relay    whether it sends and receives by the TURN servers that it is told alone
  end      "close", "delete" (by WHIP) or "vanish" (without a word)

Prints a JSON object a line: {"event": "answered" | "refused" | "connected" | "closed", ...}.
"""

import asyncio
import fractions
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import wave

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from av import AudioFrame, AudioResampler

RATE = 8000
FRAME = RATE // 50


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def ask(method, url, token, body=None, content_type=None):
    headers = {"Authorization": f"Bearer {token}"}
    if content_type:
        headers["Content-Type"] = content_type
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, lower(response.headers), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, lower(error.headers), error.read().decode()


def lower(headers):
    return {name.lower(): ", ".join(headers.get_all(name)) for name in headers.keys()}


def relayed(url, token):
    """A configuration with the servers that a request for the options is answered with (RFC 9725 section 4.6)."""
    _, headers, _ = ask("OPTIONS", url, token)
    servers = []
    for link in re.split(r",\s*(?=<)", headers.get("link", "")):
        found = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', link))
        servers.append(
            RTCIceServer(
                urls=link[1 : link.index(">")],
                username=found.get("username"),
                credential=found.get("credential"),
            )
        )
    return RTCConfiguration(iceServers=servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY)


class Microphone(MediaStreamTrack):
    """Frames of 20 ms, paced by the clock."""

    kind = "audio"

    def __init__(self, samples):
        super().__init__()
        self.samples = samples
        self.position = 0
        self.start = None

    async def recv(self):
        if self.start is None:
            self.start = time.time()
        wait = self.start + self.position / RATE - time.time()
        if wait > 0:
            await asyncio.sleep(wait)
        octets = self.samples[2 * self.position : 2 * (self.position + FRAME)]
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME)
        frame.planes[0].update(octets.ljust(2 * FRAME, b"\0"))
        frame.pts = self.position
        frame.sample_rate = RATE
        frame.time_base = fractions.Fraction(1, RATE)
        self.position += FRAME
        return frame


async def listen(track, heard):
    resampler = AudioResampler(format="s16", layout="mono", rate=48000)
    try:
        while True:
            for frame in resampler.resample(await track.recv()):
                heard.extend(bytes(frame.planes[0])[: 2 * frame.samples])
    except MediaStreamError:
        pass


def read(path):
    if not path:
        return b""
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return file.readframes(file.getnframes())


def write(path, heard):
    if path:
        with wave.open(path, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(bytes(heard))


async def main(url, token, options):
    configuration = relayed(url, token) if options.get("relay") else None
    connection = RTCPeerConnection(configuration)
    heard, closed, listeners = bytearray(), asyncio.Event(), []
    connection.addTrack(Microphone(read(options.get("wav"))))

    @connection.on("track")
    def on_track(track):
        listeners.append(asyncio.ensure_future(listen(track, heard)))

    @connection.on("connectionstatechange")
    def on_state():
        if connection.connectionState == "connected":
            say("connected")
        if connection.connectionState in ("closed", "failed"):
            closed.set()

    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp.encode()
    loop = asyncio.get_running_loop()
    status, headers, body = await loop.run_in_executor(
        None, ask, "POST", url, token, offer, "application/sdp"
    )
    if status != 201:
        say("refused", status=status, body=body)
        return
    say("answered", sdp=body, headers=headers)
    location = urllib.parse.urljoin(url, headers["location"])
    await connection.setRemoteDescription(RTCSessionDescription(sdp=body, type="answer"))
    try:
        await asyncio.wait_for(closed.wait(), options.get("seconds"))
        say("closed", by="agent")
    except asyncio.TimeoutError:
        end = options.get("end", "close")
        if end == "vanish":
            write(options.get("record"), heard)
            os._exit(0)
        if end == "delete":
            status, _, _ = await loop.run_in_executor(None, ask, "DELETE", location, token)
            say("deleted", status=status)
            await asyncio.wait_for(closed.wait(), 10)
        say("closed", by="caller")
    write(options.get("record"), heard)
    await connection.close()


asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))

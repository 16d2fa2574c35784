"""Scores recordings beside what was said: `listening.py FOLDER` with speech.raw and CODEC-LOSS.raw, 16-bit at 8 kHz.

CODEC.sox is what another coder makes of the same without a network: a recording without loss is to be as good.
"""

import pathlib
import sys

import numpy
import pesq

RATE = 8000
# The least MOS-LQO without loss, where there is no other coder, and with 3 %: what people call good, and fair.
LEAST = {0: 3.5, 3: 2.5}
# How much of the other coder's.
OF_OTHER = 0.97


def read(path):
    return numpy.fromfile(path, dtype="<i2")


def main(folder):
    speech = read(folder / "speech.raw")
    missed = False
    for path in sorted(folder.glob("*-*.raw"), key=lambda path: (path.stem.split("-")[0], int(path.stem.split("-")[1]))):
        codec, loss = path.stem.split("-")
        recorded = read(path)[: len(speech) + RATE]
        score = pesq.pesq(RATE, speech, recorded, "nb")
        likeness = float((folder / f"{path.stem}.likeness").read_text())
        other = folder / f"{codec}.sox"
        bar = LEAST.get(int(loss))
        if loss == "0" and other.exists():
            bar = round(OF_OTHER * pesq.pesq(RATE, speech, read(other), "nb"), 2)
        missed |= bar is not None and score < bar
        for what, measured, bar in [("MOS-LQO", score, bar), ("correlation", likeness, None)]:
            beside = ("", "", "") if bar is None else (f">= {bar}", f"{measured / bar:.2f}", "" if measured >= bar else "missed")
            print(f"| {codec}, {loss} % lost: {what} of the recording | {measured:.2f} | {' | '.join(beside)} |")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))

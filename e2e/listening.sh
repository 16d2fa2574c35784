#!/usr/bin/env bash
# How callers sound in the recording: real speech through each codec and a network that loses packets, in virtual time,
# scored by PESQ (ITU-T P.862, narrowband, as MOS-LQO by P.862.1) and by correlation. Beside G.711 stands what sox makes
# of the same speech without any network. Prints rows of the bench table.
# usage: listening.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$(e2e/venv.sh pesq==0.0.4 numpy==2.4.6)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Four sentences of two voices, with a pause behind each.
number=0
for voice in rms slt; do
  for text in "The birch canoe slid on the smooth planks." "Glue the sheet to the dark blue background."; do
    number=$((number + 1))
    flite -voice $voice -t "$text" -o "$folder/$number.wav" >&2
    sox "$folder/$number.wav" -r 8000 -c 1 -b 16 "$folder/narrow-$number.wav" gain -n -6 pad 0 0.5
  done
done
# People are never as silent as a synthesiser, whose silence PESQ would compare G.711's noise with.
sox "$folder"/narrow-*.wav "$folder/spoken.wav"
sox -R "$folder/spoken.wav" "$folder/room.wav" synth whitenoise gain -55
raw=(-t raw -r 8000 -c 1)
sox -m -v 1 "$folder/spoken.wav" -v 1 "$folder/room.wav" "${raw[@]}" -e signed -b 16 "$folder/speech.raw"
for law in mu a; do
  sox "${raw[@]}" -e signed -b 16 "$folder/speech.raw" "${raw[@]}" -e $law-law -b 8 "$folder/law"
  sox "${raw[@]}" -e $law-law -b 8 "$folder/law" "${raw[@]}" -e signed -b 16 "$folder/PCM${law/mu/u}.sox"
done
for law in u a; do mv "$folder/PCM$law.sox" "$folder/PCM${law^^}.sox"; done

CALLPLANE_LISTENING_SPEECH=$folder/speech.raw CALLPLANE_LISTENING_DIR=$folder \
  cargo test --quiet --locked -p callplane-call --test it listening:: >&2
"$python" e2e/listening.py "$folder"

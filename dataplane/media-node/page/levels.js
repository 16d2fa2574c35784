// How loud both sides are.

/** The quietest and the loudest that is shown, in decibels below full scale. */
const FLOOR_DB = -55;
const CEILING_DB = -10;
/** What a meter falls by in a frame: quick enough for syllables, slow enough for eyes. */
const FALL = 0.06;
/** How often it is drawn for who wants little motion, and how often it is told to who cannot see. */
const CALM_MS = 500;

/** Listens to streams, and has their levels drawn, 0 to 1, while it runs. */
export class Levels {
  #context;
  #meters = new Map();
  #frame = 0;
  #spoken = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  /** To be made in a gesture of the user: browsers keep sound back otherwise. */
  constructor() {
    this.#context = new AudioContext();
    this.#context.resume();
  }

  /** Measures `stream` for `draw(level)` and, less often, `tell(level)`; in place of what was measured as `name`. */
  measure(name, stream, draw, tell) {
    this.#meters.get(name)?.source.disconnect();
    const source = this.#context.createMediaStreamSource(stream);
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    source.connect(analyser);
    this.#meters.set(name, { source, analyser, samples: new Float32Array(1024), level: 0, draw, tell });
    if (this.#frame === 0) this.#turn(0);
  }

  /** Ends it; every meter falls to nothing. */
  close() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    for (const { draw, tell } of this.#meters.values()) {
      draw(0);
      tell(0);
    }
    this.#meters.clear();
    this.#context.close();
  }

  #turn(now) {
    this.#frame = requestAnimationFrame((time) => this.#turn(time));
    const isDue = now - this.#spoken >= CALM_MS;
    if (isDue) this.#spoken = now;
    for (const meter of this.#meters.values()) {
      meter.level = Math.max(levelOf(meter), meter.level - FALL);
      if (isDue || !this.#calm.matches) meter.draw(meter.level);
      if (isDue) meter.tell(meter.level);
    }
  }
}

function levelOf({ analyser, samples }) {
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibels = 10 * Math.log10(power + 1e-12);
  return Math.min(1, Math.max(0, (decibels - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

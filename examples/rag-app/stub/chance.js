// The stub's dice. The same seed throws the same numbers, so a run can be repeated.

const INCIDENT_BEGINS = 0.004;
const INCIDENT_ENDS = 0.15;
const INCIDENT_FAULT_RATE = 0.6;
const RATE_LIMITED_SHARE = 0.7;

/** Numbers from 0 to 1 (mulberry32). @param {number} seed @returns {() => number} */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param {object} options
 * @param {number} options.seed
 * @param {number} options.faultRate share of requests refused in quiet times, 0 to 1; 0: never any
 * @param {number} options.latencyScale 1: as a provider; 0: at once
 */
export function createChance({ seed, faultRate, latencyScale }) {
  const random = randomFrom(seed);
  let incident = false;
  return {
    /** @param {number} probability */
    happens: (probability) => random() < probability,

    /** A log-normal time around the median, as latencies are: rarely much less, sometimes much more. @param {number} medianMs */
    latencyMs(medianMs) {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return medianMs * Math.exp(0.45 * normal) * latencyScale;
    },

    /** The status to refuse a request with, or `null`. Refusals come alone, and now and then in an incident of some seconds. */
    fault() {
      if (faultRate === 0) return null;
      incident = random() < (incident ? 1 - INCIDENT_ENDS : INCIDENT_BEGINS);
      if (random() >= (incident ? Math.max(INCIDENT_FAULT_RATE, faultRate) : faultRate)) return null;
      return random() < RATE_LIMITED_SHARE ? 429 : 500;
    },

    /** @param {string} prefix */
    id: (prefix) =>
      `${prefix}${Array.from({ length: 24 }, () => Math.floor(random() * 36).toString(36)).join('')}`,

    /** A whole number below `limit`. @param {number} limit */
    below: (limit) => Math.floor(random() * limit),
  };
}

/** @typedef {ReturnType<typeof createChance>} Chance */

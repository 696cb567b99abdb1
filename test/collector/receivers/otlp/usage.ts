/** Usage of nothing. */
export const NO_USAGE = {
  inputUncached: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  inputAudio: 0,
  inputImage: 0,
  outputText: 0,
  outputReasoning: 0,
  outputAudio: 0,
  outputImage: 0,
};

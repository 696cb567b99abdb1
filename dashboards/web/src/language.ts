// A browser started without a locale (a kiosk in a container) reports a language such as `en-US@posix`, which Intl refuses
// and which uPlot hands to Intl while it loads: the whole page would stay empty.
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}

// The time that somebody spends at an item, for pay.

/** Counts while the page is in view and something happened in the last minute. */
const clock = (() => {
  const IDLE_MS = 60_000;
  const TICK_MS = 1_000;
  let spent = 0;
  let counted = performance.now();
  let touched = performance.now();
  const count = () => {
    const now = performance.now();
    // A machine that slept was not looked at.
    if (!document.hidden && now - touched < IDLE_MS) spent += Math.min(now - counted, 2 * TICK_MS);
    counted = now;
  };
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart", "wheel"]) {
    addEventListener(kind, () => { touched = performance.now(); }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", count);
  setInterval(count, TICK_MS);
  return {
    begin(milliseconds = 0) {
      spent = milliseconds;
      counted = touched = performance.now();
    },
    spent() {
      count();
      return Math.round(spent);
    },
    isIdle: () => document.hidden || performance.now() - touched >= IDLE_MS,
  };
})();

// @ts-check
// How high the worklist is: as high as the window has room for it.

/**
 * Let an element fill the window down to the line of research use at its lower edge, also once what stands above it grows,
 * as it does when the sidebar is folded.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal that ends it
 */
export function fill(root, signal) {
  const fit = () => {
    const scrolled = document.querySelector('[data-testid="stMain"]')?.scrollTop ?? 0;
    const top = root.getBoundingClientRect().top + scrolled;
    root.style.height = `${Math.max(window.innerHeight - top - 20, 260)}px`;
  };
  const above = new ResizeObserver(fit);
  document.querySelectorAll('[data-testid="stMainBlockContainer"]').forEach((one) => above.observe(one, { box: "border-box" }));
  window.addEventListener("resize", fit, { signal });
  signal.addEventListener("abort", () => above.disconnect());
  fit();
}

(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  // Storage can be forbidden; then the choice lasts as long as the page.
  try { chosen = localStorage.getItem("theme"); } catch {}
  const show = () => { if (chosen) root.dataset.theme = chosen; };
  show();
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const other = () => ((chosen ?? (system.matches ? "dark" : "light")) === "dark" ? "light" : "dark");
    const name = () => { button.textContent = other() === "dark" ? "Dark" : "Light"; button.setAttribute("aria-label", `Use ${other()} colours`); };
    button.hidden = false;
    name();
    system.addEventListener("change", name);
    button.addEventListener("click", () => {
      chosen = other();
      try { localStorage.setItem("theme", chosen); } catch {}
      show();
      name();
    });
  });
})();

// Light or dark before the first paint: as the system says, or as chosen here. Loaded in the head, blocking.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    root.dataset.bsTheme = read() || (system.matches ? "dark" : "light");
  };
  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const chosen = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", chosen);
    } catch {
      // Without storage the choice lasts for this page.
    }
    root.dataset.bsTheme = chosen;
  });
})();

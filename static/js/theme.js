// Light or dark before the first paint: as the system, or as chosen here. Loaded in the head, blocking.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = "system"; // where there is no storage, for this page only
  const read = () => {
    try {
      chosen = localStorage.getItem("theme") ?? "system";
    } catch {
      // The choice of this page holds.
    }
    return chosen;
  };
  const apply = () => {
    const theme = read();
    const isDark = theme === "dark" || (theme !== "light" && system.matches);
    root.dataset.bsTheme = isDark ? "dark" : "light";
    const choice = document.querySelector("[data-theme-choice]");
    if (choice) choice.value = ["light", "dark"].includes(theme) ? theme : "system";
  };
  const choose = (theme) => {
    chosen = theme;
    try {
      if (theme === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Without storage the choice lasts for this page.
    }
    apply();
  };
  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply); // chosen in another tab
  // The page around the choice is new: it was loaded, or going back replaced the body.
  for (const name of ["DOMContentLoaded", "htmx:after:swap"]) document.addEventListener(name, apply);
  addEventListener("pageshow", apply);
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-theme-choice]")) choose(target.value);
  });
})();

// Light or dark before the first paint: as the system, or as chosen here. Loaded in the head, blocking.
// The choice is a cookie: signing out clears the storage, and the server names the theme where no scripts run.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const tabs = globalThis.BroadcastChannel && new BroadcastChannel("theme");
  let unkept = "system"; // the choice of this page, where there are no cookies
  const read = () => document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/)?.[1] ?? unkept;
  const apply = () => {
    const theme = read();
    const isDark = theme === "dark" || (theme === "system" && system.matches);
    const name = isDark ? "dark" : "light";
    // Who watches it draws anew: a plot would lose the range that was found in it.
    if (root.dataset.bsTheme !== name) root.dataset.bsTheme = name;
    const choice = document.querySelector("[data-theme-choice]");
    if (choice) choice.value = theme;
  };
  const choose = (theme) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const age = theme === "system" ? 0 : 31536000;
    document.cookie = `theme=${theme}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    unkept = "system";
    if (read() !== theme) unkept = theme;
    apply();
    tabs?.postMessage("");
  };
  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  if (tabs) tabs.onmessage = apply; // chosen in another tab
  // The page around the choice is new: it was loaded, or going back replaced the body.
  for (const name of ["DOMContentLoaded", "htmx:after:swap"]) document.addEventListener(name, apply);
  addEventListener("pageshow", apply);
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-theme-choice]")) choose(target.value);
  });
})();

// The language and the colours; all else is in the page as it is.
const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

document.getElementById("language").addEventListener("click", () => {
  root.lang = root.lang === "ko" ? "en" : "ko";
});
document.getElementById("theme").addEventListener("click", () => {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  root.dataset.theme = isDark ? "light" : "dark";
});

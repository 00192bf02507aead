// Keep the chosen language in this browser for a year, and load the page again in it.
/** @param {StreamlitComponent<{cookie: string, value: string}>} component */
export default function ({ data }) {
  const chosen = `${data.cookie}=${data.value}`;
  document.cookie = `${chosen}; path=/; max-age=31536000; SameSite=Strict`;
  // A browser that keeps no cookies would load for ever.
  if (document.cookie.split("; ").includes(chosen)) location.reload();
}

// Keep the reader's name in this browser for a year, so that a reload does not ask again.
/** @param {StreamlitComponent<{cookie: string, value: string}>} component */
export default function ({ data }) {
  document.cookie =
    `${data.cookie}=${encodeURIComponent(data.value)}; path=/; max-age=31536000; SameSite=Strict`;
}

// Keep the reader's name in this browser for a year, so that a reload does not ask again.
export default function ({ data }) {
  document.cookie =
    `${data.cookie}=${encodeURIComponent(data.value)}; path=/; max-age=31536000; SameSite=Strict`;
}

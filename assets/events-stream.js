// @ts-check
// The stream of news, begun again whenever it ends: a browser gives one up for good that is answered with an error, as by
// a proxy whose server is just starting.

const FIRST = 2000; // milliseconds from the end of a stream to the next try
const LONGEST = 30_000;

/**
 * @param {number} since
 * @param {(number: number, data: string) => void} hear
 * @returns {() => void} what ends it
 */
export function stream(since, hear) {
  let [last, pause, again] = [since, FIRST, 0];
  /** @type {EventSource} */
  let source;
  const begin = () => {
    source = new EventSource(`/events?since=${last}`);
    source.onopen = () => (pause = FIRST);
    source.onmessage = ({ data, lastEventId }) => {
      last = Number(lastEventId);
      hear(last, data);
    };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      again = self.setTimeout(begin, pause);
      pause = Math.min(2 * pause, LONGEST);
    };
  };
  begin();
  return () => {
    clearTimeout(again);
    source.close();
  };
}

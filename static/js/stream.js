// Reads `/live/`: server-sent events with only the fields that the server sends (core/live.py).
const DEAD_MS = 50000; // the server sends a heartbeat every 20 s

// Calls `take(id, names)` for each id, which ends a batch of events or is a heartbeat. Returns the HTTP status at the end.
export async function read(query, signal, take) {
  const silence = new AbortController();
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), DEAD_MS);
  };
  wait();
  try {
    const signals = AbortSignal.any([signal, silence.signal]);
    const response = await fetch(`/live/?${new URLSearchParams(query)}`, { signal: signals, cache: "no-store" });
    if (!response.ok) return response.status;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let names = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return response.status;
      wait();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => line.split(": ")));
        if (fields.event) names.push(fields.event);
        if (!fields.id) continue;
        take(Number(fields.id), names);
        names = [];
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

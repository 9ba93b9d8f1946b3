// One stream of events for all tabs of a browser: HTTP/1.1 has six connections a host, and every tab needs them.
//
// Visible tabs queue for a lock. The tab that holds it reads the stream and forwards events over a BroadcastChannel.
// A closed or crashed tab loses the lock by itself; a frozen one falls silent, and another tab takes the lock from it.
// Every tab knows up to which server time it has heard everything (`since`), and asks the leader, or as the leader
// the server, for the rest. Locks exist in secure contexts only: over plain http each visible tab polls.
import { read } from "./stream.js";

const POLL_MS = 5000;
const BEAT_MS = 5000;
const SILENCE_MS = 15000;
const LONGEST_PAUSE_MS = 15000;
const REMEMBERED = 200;
// Clocks of web processes may differ by this much.
const SKEW_MS = 2000;
const LOOK_AGAIN = "reconnected";

function pause(ms, signal) {
  return new Promise((done) => {
    setTimeout(done, ms * (0.7 + Math.random() * 0.6));
    signal.addEventListener("abort", done, { once: true });
  });
}

export class Tab {
  isConnected = false;
  #isShared = Boolean(navigator.locks && globalThis.BroadcastChannel);
  #id = this.#isShared && crypto.randomUUID();
  #channel;
  #awake; // aborts when the tab is hidden
  #isCurrent = false; // the leader has answered since the tab woke up
  #heard; // only of the leader: what it forwarded
  #heardFrom;
  #openedAt;
  #lastWordAt;
  #overtake;
  #isRetired = false;

  constructor(user, since, tell) {
    Object.assign(this, { user, since, tell, loadedAt: since });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : this.#wake()));
    // A page in the back/forward cache may hold neither a lock nor a channel.
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", () => this.#join());
    this.#join();
  }

  #join() {
    if (this.#isRetired) return;
    if (this.#isShared && !this.#channel) {
      this.#channel = new BroadcastChannel("live");
      this.#channel.onmessage = ({ data }) => this.#receive(data);
    }
    this.#wake();
  }

  #leave() {
    this.#rest();
    this.#channel?.close();
    this.#channel = undefined;
  }

  #wake() {
    if (this.#awake || this.#isRetired || document.hidden) return;
    this.#awake = new AbortController();
    const { signal } = this.#awake;
    if (!this.#isShared) {
      this.#listen(signal, true);
      return;
    }
    this.#ask();
    this.#compete(signal);
    const watch = setInterval(() => this.#checkLeader(), BEAT_MS);
    signal.addEventListener("abort", () => clearInterval(watch));
  }

  #rest() {
    this.#awake?.abort();
    this.#awake = undefined;
    this.isConnected = false;
  }

  #post(message) {
    this.#channel?.postMessage({ user: this.user, loadedAt: this.loadedAt, ...message });
  }

  // --- Following
  #ask() {
    this.#lastWordAt = performance.now();
    this.#isCurrent = false;
    this.#post({ asks: this.#id, since: this.since });
  }

  #receive(data) {
    if (data.user !== this.user) {
      // Another user has signed in since this page was loaded: it is told so by the server when it asks.
      if (data.loadedAt > this.loadedAt) this.#retire();
      return;
    }
    if (data.isSignedOut) this.tell(LOOK_AGAIN);
    else if (data.asks) this.#answer(data);
    else if (this.#awake && !this.#heard && (data.to ?? this.#id) === this.#id) this.#follow(data);
  }

  #follow(data) {
    this.#lastWordAt = performance.now();
    this.isConnected = data.isConnected;
    if (data.to) this.#isCurrent = true;
    if (data.isNew) this.#ask();
    if (this.#isCurrent) this.since = Math.max(this.since, data.since);
    for (const name of data.names) this.tell(name);
  }

  #checkLeader() {
    if (!this.#heard && performance.now() - this.#lastWordAt > SILENCE_MS) this.#overtake();
  }

  #retire() {
    this.#isRetired = true;
    this.#leave();
    this.tell(LOOK_AGAIN);
  }

  // --- Leading
  async #compete(awake) {
    for (let steal = false; !awake.aborted; ) {
      const turn = new AbortController();
      const signal = AbortSignal.any([awake, turn.signal]);
      let isSilent = false;
      this.#overtake = () => {
        isSilent = true;
        turn.abort();
      };
      try {
        await navigator.locks.request(`live-${this.user}`, steal ? { steal } : { signal }, () => this.#lead(signal));
      } catch {
        // Hidden, or another tab took the lock.
      }
      turn.abort();
      steal = isSilent;
      if (!awake.aborted) this.#ask();
    }
  }

  async #lead(signal) {
    if (signal.aborted) return;
    this.#heard = [];
    this.#heardFrom = this.since;
    this.#say([], { isNew: true });
    const beat = setInterval(() => this.#say([]), BEAT_MS);
    signal.addEventListener("abort", () => {
      clearInterval(beat);
      this.#heard = undefined;
      this.#lastWordAt = performance.now();
    });
    await this.#listen(signal);
  }

  #say(names, more) {
    this.#post({ names, since: this.since, isConnected: this.isConnected, ...more });
  }

  #answer({ asks, since }) {
    if (!this.#heard) return;
    const missed = this.#heard.filter(({ id }) => id >= since - SKEW_MS).map(({ name }) => name);
    this.#say(since < this.#heardFrom ? [LOOK_AGAIN] : [...new Set(missed)], { to: asks });
  }

  async #listen(signal, once = false) {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const take = (id, names) => {
        failures = 0;
        if (!signal.aborted) this.#hear(id, names);
      };
      let status = 0;
      try {
        status = await read({ user: this.user, since: this.since, ...(once && { once }) }, signal, take);
      } catch {
        // No connection, or a tab that was hidden.
      }
      if (signal.aborted) return;
      if (status === 401) this.#signOut();
      if (once && status === 200) this.since = this.#openedAt;
      else this.isConnected = false;
      const delay = once && status === 200 ? POLL_MS : Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS);
      await pause(delay, signal);
    }
  }

  #hear(id, names) {
    if (names[0] === "connected") {
      this.isConnected = true;
      this.#openedAt = id;
      if (this.#heard) this.#say([]);
      return;
    }
    this.since = id;
    for (const name of names) this.tell(name);
    if (!this.#heard) return;
    for (const name of names) this.#heard.push({ id, name });
    while (this.#heard.length > REMEMBERED) this.#heardFrom = this.#heard.shift().id + SKEW_MS + 1;
    if (names.length) this.#say(names);
  }

  #signOut() {
    this.#post({ isSignedOut: true });
    this.tell(LOOK_AGAIN);
  }
}

// While a study is open it is locked for others: POST every 20 s, DELETE on leaving. 409 means somebody else took it.

import { Offline, problem, send } from '../lib/http.js';

const BEAT = 20000; // ms

export class Lock {
  constructor(address, onLost) {
    this.address = address;
    this.onLost = onLost;
    this.timer = setInterval(() => this.beat(), BEAT);
    window.addEventListener('pagehide', () => this.release());
    window.addEventListener('pageshow', (event) => { if (event.persisted) this.beat(); });
    this.beat();
  }

  async beat() {
    try {
      const answer = await send('POST', this.address, {});
      if (answer.status === 409) { this.stop(); this.onLost(problem(answer)); }
    } catch (error) {
      // Offline: the draft says so already; the lock outlives three missed beats.
      if (!(error instanceof Offline)) throw error;
    }
  }

  stop() { clearInterval(this.timer); }

  release() {
    send('DELETE', this.address, undefined, { keepalive: true }).catch((error) => { if (!(error instanceof Offline)) throw error; });
  }
}

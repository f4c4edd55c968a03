// While a study, or an addendum to its report, is being written it is locked for others: POST every 20 s → {revision} of the draft, DELETE on leaving.
// 409 means somebody else took it.

import { Offline, problem, send } from '../lib/http.js';

const BEAT = 20000; // ms
const SOON = 1500; // ms: what the page before this one sent on leaving has arrived by then

export class Lock {
  constructor(address, { onLost, onRevision }) {
    Object.assign(this, { address, onLost, onRevision });
    this.timer = setInterval(() => this.beat(), BEAT);
    window.addEventListener('pagehide', () => this.release());
    window.addEventListener('pageshow', (event) => { if (event.persisted) this.beat(); });
    this.beat();
    setTimeout(() => this.beat(), SOON);
  }

  async beat() {
    try {
      const answer = await send('POST', this.address, {});
      if (answer.status === 409) { this.stop(); this.onLost(problem(answer)); }
      if (answer.ok) await this.onRevision(answer.data.revision);
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

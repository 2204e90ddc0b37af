/** Messages between the tabs of one browser: they share one cookie. */

export class Tabs {
  private readonly channel: BroadcastChannel | null;

  /** Calls `signOut` when another tab signs out or opens somebody else's link. */
  constructor(person: string, signOut: () => void) {
    this.channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("gleaner.signed-in") : null;
    if (!this.channel) return;
    this.channel.onmessage = (event: MessageEvent<unknown>) => {
      if (event.data !== person) signOut();
    };
    this.channel.postMessage(person);
  }

  signedOut(): void {
    this.channel?.postMessage("");
  }
}

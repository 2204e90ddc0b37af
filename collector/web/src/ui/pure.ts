import { Component } from "preact";

/** A component that is drawn again only when a property is another value: a thousand labels, one of them moving. */
export abstract class Pure<P extends object> extends Component<P> {
  override shouldComponentUpdate(next: Readonly<P>): boolean {
    const now = this.props as Record<string, unknown>;
    const then = next as Record<string, unknown>;
    const names = new Set([...Object.keys(now), ...Object.keys(then)]);
    for (const name of names) if (!Object.is(now[name], then[name])) return true;
    return false;
  }
}

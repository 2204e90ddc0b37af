/** The ruler, the playhead and the rows of one capture, in its media time. Rows place themselves in percent. */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { Component, createRef, type ComponentChildren } from "preact";
import { clock, otherStep, rulerStep } from "../../model/time";

const ZOOMS = [1, 1.5, 2, 3, 5, 8, 12, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120];
/** The closest look, however long the recording: this much of it fills the width. */
const CLOSEST_US = 2_000_000;

/** The zoom after (1) or before (-1) this one, in a recording of this length. */
export function otherZoom(zoom: number, step: 1 | -1, duration: number): number {
  const least = ZOOMS.findIndex((z) => duration / z <= CLOSEST_US);
  return otherStep(ZOOMS.slice(0, least < 0 ? undefined : Math.max(least + 1, 9)), zoom, step);
}

/** What is drawn of a timeline: the part in sight and as much again on both sides. */
export interface Seen {
  from: number;
  to: number;
  /** Screen pixels per microsecond. */
  scale: number;
}

export const NOTHING_SEEN: Seen = { from: 0, to: 0, scale: 0 };

export const percent = (us: number, duration: number): string => `${(100 * us) / Math.max(1, duration)}%`;

interface Props {
  duration: number;
  now: ReadonlySignal<number>;
  zoom: Signal<number>;
  /** What the ruler's times mean for this capture; frames are written under them where there are any. */
  label: string;
  onSeek(us: number): void;
  /** Follows what is in sight, for rows that draw only that. */
  seen?: Signal<Seen>;
  /** A text field that is being written in keeps the keys when the timeline is clicked. */
  keepsField?: boolean;
  /** A drag over an empty part, from and to; without it a drag seeks. */
  onDrag?(from: number, to: number): void;
  children: ComponentChildren;
}

const DRAG_PX = 4;

export class Timeline extends Component<Props> {
  private readonly scroller = createRef<HTMLDivElement>();
  private readonly inner = createRef<HTMLDivElement>();
  private start: { x: number; us: number; moved: boolean } | null = null;
  private stops: (() => void)[] = [];
  private readonly own = signal(NOTHING_SEEN);

  private get seen(): Signal<Seen> {
    return this.props.seen ?? this.own;
  }

  override componentDidMount(): void {
    const scroller = this.scroller.current as HTMLDivElement;
    const resized = new ResizeObserver(this.look);
    resized.observe(scroller);
    if (this.inner.current) resized.observe(this.inner.current);
    scroller.addEventListener("scroll", this.look, { passive: true });
    this.look();
    this.stops = [
      this.props.now.subscribe(() => this.follow()),
      this.props.zoom.subscribe(() => requestAnimationFrame(() => this.follow(true))),
      () => resized.disconnect(),
      () => scroller.removeEventListener("scroll", this.look),
    ];
  }

  override componentWillUnmount(): void {
    for (const stop of this.stops) stop();
  }

  /** In steps of half the width, so that scrolling draws again only now and then. */
  private readonly look = (): void => {
    const scroller = this.scroller.current;
    if (!scroller || scroller.scrollWidth === 0) return;
    const { duration } = this.props;
    const scale = scroller.scrollWidth / Math.max(1, duration);
    const half = Math.max(1, scroller.clientWidth / 2);
    const first = Math.floor(scroller.scrollLeft / half);
    const from = Math.max(0, ((first - 2) * half) / scale);
    const to = Math.min(duration, ((first + 5) * half) / scale);
    const before = this.seen.peek();
    if (before.from !== from || before.to !== to || before.scale !== scale) this.seen.value = { from, to, scale };
  };

  /** Keeps the playhead in sight. */
  private follow(centre = false): void {
    const scroller = this.scroller.current;
    if (!scroller || scroller.scrollWidth <= scroller.clientWidth) return;
    const at = (this.props.now.peek() / Math.max(1, this.props.duration)) * scroller.scrollWidth;
    if (centre || at < scroller.scrollLeft || at > scroller.scrollLeft + scroller.clientWidth * 0.95) {
      scroller.scrollLeft = at - scroller.clientWidth * (centre ? 0.5 : 0.1);
    }
  }

  private at(event: PointerEvent): number {
    const box = (this.inner.current as HTMLDivElement).getBoundingClientRect();
    const share = (event.clientX - box.left) / Math.max(1, box.width);
    return Math.round(Math.min(1, Math.max(0, share)) * this.props.duration);
  }

  private readonly down = (event: PointerEvent): void => {
    if (event.button !== 0 || (event.target as Element).closest("[data-own]")) return;
    event.preventDefault();
    const active = document.activeElement as HTMLElement | null;
    if (!(this.props.keepsField && active instanceof HTMLTextAreaElement)) active?.blur();
    (this.inner.current as HTMLDivElement).setPointerCapture(event.pointerId);
    this.start = { x: event.clientX, us: this.at(event), moved: false };
    if (!this.props.onDrag) this.props.onSeek(this.start.us);
  };

  private readonly move = (event: PointerEvent): void => {
    if (!this.start) return;
    if (Math.abs(event.clientX - this.start.x) > DRAG_PX) this.start.moved = true;
    if (!this.props.onDrag) this.props.onSeek(this.at(event));
  };

  private readonly up = (event: PointerEvent): void => {
    const start = this.start;
    this.start = null;
    if (!start || !this.props.onDrag) return;
    const end = this.at(event);
    if (start.moved) this.props.onDrag(Math.min(start.us, end), Math.max(start.us, end));
    else this.props.onSeek(end);
  };

  override render(): preact.JSX.Element {
    const { duration, zoom, label, children } = this.props;
    return (
      <div class="timeline" ref={this.scroller} role="group" aria-label={label}>
        <div
          class="timeline-inner"
          ref={this.inner}
          style={{ width: `${zoom.value * 100}%` }}
          onPointerDown={this.down}
          onPointerMove={this.move}
          onPointerUp={this.up}
          onPointerCancel={this.up}
        >
          <Ruler duration={duration} marks={10 * zoom.value} seen={this.seen} />
          <div class="timeline-rows">{children}</div>
          <Playhead now={this.props.now} duration={duration} />
        </div>
      </div>
    );
  }
}

interface RulerProps {
  duration: number;
  marks: number;
  seen: ReadonlySignal<Seen>;
}

function Ruler({ duration, marks, seen }: RulerProps): preact.JSX.Element {
  const step = rulerStep(duration, marks);
  const first = Math.floor(seen.value.from / step);
  const count = Math.max(0, Math.floor(seen.value.to / step) - first + 1);
  return (
    <div class="ruler" aria-hidden="true">
      {Array.from({ length: count }, (_, i) => (
        <span key={first + i} style={{ left: percent((first + i) * step, duration) }}>
          {short((first + i) * step, step)}
        </span>
      ))}
    </div>
  );
}

/** `0:02`, with tenths only where the marks are that close. */
function short(us: number, step: number): string {
  const text = clock(us);
  const digits = step >= 1_000_000 ? 0 : step >= 100_000 ? 1 : step >= 10_000 ? 2 : 3;
  return digits === 0 ? text.slice(0, -4) : text.slice(0, text.length - 3 + digits);
}

function Playhead({ now, duration }: { now: ReadonlySignal<number>; duration: number }): preact.JSX.Element {
  return <div class="playhead" style={{ left: percent(now.value, duration) }} />;
}

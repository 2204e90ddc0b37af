/** Tracks on the timeline: where each is seen, and its keyframes ◆ (hidden ones ◇). */
import { createRef } from "preact";
import type { Keyframe, TrackLabel } from "../../api/types";
import { isUnseen, unseenStretches, visibleStretches } from "../../model/tracks";
import { Pure } from "../../ui/pure";
import { classNames, lookOf } from "../../ui/words";
import { percent } from "./timeline";

interface RowProps {
  track: TrackLabel;
  classes: readonly string[];
  times: readonly number[];
  duration: number;
  selected: boolean;
  ghost: boolean;
  onSelect(id: string): void;
  onFrame(id: string, frame: number): void;
}

export class TrackRow extends Pure<RowProps> {
  private readonly row = createRef<HTMLDivElement>();

  override componentDidMount(): void {
    if (this.props.selected) this.row.current?.scrollIntoView({ block: "nearest" });
  }

  override componentDidUpdate(before: RowProps): void {
    if (this.props.selected && !before.selected) this.row.current?.scrollIntoView({ block: "nearest" });
  }

  override render(): preact.JSX.Element {
    const { track, classes, times, duration, selected, ghost, onSelect, onFrame } = this.props;
    const look = lookOf(track, classes);
    const time = (frame: number): number => times[frame] ?? duration;
    const first = track.keyframes[0]?.frame ?? 0;
    return (
      <div
        ref={this.row}
        style={`--colour: var(--label-${look.colour})`}
        class={classNames(
          "track-row",
          selected && "track-selected",
          look.model && "track-model",
          ghost && "track-ghost",
        )}
      >
        {visibleStretches(track.keyframes).map(([from, to]) => (
          <div
            key={from}
            class="track-bar"
            data-own
            style={{ left: percent(time(from), duration), width: percent(time(to + 1) - time(from), duration) }}
            onPointerDown={() => onSelect(track.id)}
          />
        ))}
        {unseenStretches(track.keyframes).map(([from, to]) => (
          <div
            key={`unseen-${from}`}
            class="track-unseen"
            data-unseen={`${from}-${to}`}
            title={`frames ${from} to ${to - 1}: not seen here, filled in`}
            style={{ left: percent(time(from), duration), width: percent(time(to) - time(from), duration) }}
          />
        ))}
        <span class="track-name" style={{ left: percent(time(first), duration) }}>
          {look.name} {look.score}
        </span>
        {!ghost &&
          track.keyframes.map((k) => (
            <button
              key={k.frame}
              type="button"
              tabIndex={-1}
              class="keyframe"
              data-own
              style={{ left: percent(time(k.frame), duration) }}
              title={`keyframe at frame ${k.frame}${keyframeWord(track, k)}`}
              onPointerDown={(event) => {
                event.preventDefault();
                onFrame(track.id, k.frame);
              }}
            >
              {k.visible ? "◆" : "◇"}
            </button>
          ))}
      </div>
    );
  }
}

function keyframeWord(track: TrackLabel, row: Keyframe): string {
  if (!row.visible) return ", not in the picture from here";
  return isUnseen(track.keyframes, row.frame) ? ", not seen from here: filled in" : "";
}

/** The row above a waveform: play, where the sound stands, how fast it runs. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { clock } from "../../model/time";
import { Arriving } from "../../ui/parts";
import type { Arrived } from "../load";
import { changeSpeed, speed, type SoundPlayer } from "./sound";

interface Props {
  player: SoundPlayer;
  arrived: ReadonlySignal<Arrived>;
  onToggle(): void;
  children?: ComponentChildren;
}

export function Transport({ player, arrived, onToggle, children }: Props): preact.JSX.Element {
  return (
    // A click here leaves the keys with the text field that has them.
    <div class="transport" onMouseDown={(event) => event.preventDefault()}>
      <button type="button" tabIndex={-1} class="transport-play" onClick={onToggle}>
        {player.playing.value ? "❚❚ pause" : "▶ play"} <kbd>Space</kbd>
      </button>
      <Clock player={player} />
      <Speed />
      {player.refused.value && (
        <span class="caveat" role="note">
          This browser plays sound after your first key: press Space.
        </span>
      )}
      {!player.ready.value && <Arriving what="the sound" arrived={arrived} />}
      {children}
    </div>
  );
}

/** On its own, because it is drawn with every frame that plays. */
function Clock({ player }: { player: SoundPlayer }): preact.JSX.Element {
  return (
    <output class="transport-time">
      {clock(player.now.value)} of {clock(player.duration)}
    </output>
  );
}

function Speed(): preact.JSX.Element {
  return (
    <span class="transport-speed" role="group" aria-label="Speed">
      <button type="button" tabIndex={-1} aria-label="Slower" title="Slower" onClick={() => changeSpeed(-1)}>
        <kbd>&lt;</kbd>
      </button>
      <output>{speed.value} ×</output>
      <button type="button" tabIndex={-1} aria-label="Faster" title="Faster" onClick={() => changeSpeed(1)}>
        <kbd>&gt;</kbd>
      </button>
    </span>
  );
}

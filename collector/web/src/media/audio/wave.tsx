/** The waveform: the part in sight, drawn from the collector's peaks, or from the sound itself where there are none. */
import type { ReadonlySignal } from "@preact/signals";
import { useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { wholeMedium } from "../../api/media";
import type { Peaks } from "../../api/types";
import { waveOf } from "../../model/wave";
import { theme } from "../../ui/theme";
import { percent, type Seen } from "../timeline/timeline";

interface Props {
  peaks: Peaks | null;
  /** Where the sound is once it has been fetched: decoded where there are no peaks. */
  sound: Promise<string>;
  duration: number;
  seen: ReadonlySignal<Seen>;
}

export function Wave({ peaks, sound, duration, seen }: Props): preact.JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const decoded = useDecoded(peaks ? null : sound);
  const drawn = peaks ?? decoded;
  const redraw = (): void => {
    if (canvas.current && drawn) draw(canvas.current, drawn, seen.peek(), duration);
  };
  useSignalEffect(() => {
    void seen.value;
    void theme.value;
    redraw();
  });
  useLayoutEffect(redraw, [drawn, duration]);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const resized = new ResizeObserver(redraw);
    if (canvas.current?.parentElement) resized.observe(canvas.current.parentElement);
    dark.addEventListener("change", redraw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", redraw);
    };
  }, [drawn, duration]);
  return (
    <div class="wave" aria-hidden="true" data-wave={drawn ? "drawn" : "none"}>
      <canvas ref={canvas} />
    </div>
  );
}

/** The widest bitmap that every browser draws. */
const MAX_WIDTH = 8_192;

function draw(canvas: HTMLCanvasElement, peaks: Peaks, seen: Seen, duration: number): void {
  const context = canvas.getContext("2d");
  const height = canvas.parentElement?.clientHeight ?? 0;
  const width = Math.round((seen.to - seen.from) * seen.scale);
  if (!context || width < 1 || height < 1) return;
  const sharp = Math.min(window.devicePixelRatio || 1, MAX_WIDTH / width);
  canvas.style.left = percent(seen.from, duration);
  canvas.style.width = percent(seen.to - seen.from, duration);
  canvas.width = Math.max(1, Math.round(width * sharp));
  canvas.height = Math.max(1, Math.round(height * sharp));
  // The colour as it is used, whatever functions the style sheet makes it with.
  context.fillStyle = getComputedStyle(canvas).color;
  const middle = canvas.height / 2;
  waveOf(peaks, seen.from, seen.to, canvas.width).forEach(([low, high], x) => {
    const top = middle - high * middle;
    context.fillRect(x, top, 1, Math.max(1, middle - low * middle - top));
  });
}

const PEAKS_PER_SECOND = 100;

/** Peaks of a sound that has none yet: the whole of it is decoded. Null until then, and where it cannot be. */
function useDecoded(sound: Promise<string> | null): Peaks | null {
  const [made, setMade] = useState<Peaks | null>(null);
  useEffect(() => {
    let here = true;
    setMade(null);
    if (sound !== null)
      sound.then(decodedPeaks).then(
        (peaks) => {
          if (here) setMade(peaks);
        },
        // A sound without a waveform can still be played; one that cannot be played is reported where it plays.
        () => undefined,
      );
    return () => {
      here = false;
    };
  }, [sound]);
  return made;
}

async function decodedPeaks(url: string): Promise<Peaks> {
  const bytes = await ((await wholeMedium(url)) as Blob).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(bytes);
  const size = Math.max(1, Math.floor(sound.sampleRate / PEAKS_PER_SECOND));
  const count = Math.ceil(sound.length / size);
  const minimum = new Array<number>(count).fill(0);
  const maximum = new Array<number>(count).fill(0);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1)
    sound.getChannelData(channel).forEach((sample, at) => {
      const peak = Math.floor(at / size);
      if (sample < (minimum[peak] as number)) minimum[peak] = sample;
      if (sample > (maximum[peak] as number)) maximum[peak] = sample;
    });
  return { schema: 1, samples_per_peak: size, sample_rate: sound.sampleRate, minimum, maximum };
}

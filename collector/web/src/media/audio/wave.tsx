/** The waveform, drawn by wavesurfer.js from the collector's peaks (or from the sound itself where there are none). */
import { useEffect, useRef } from "preact/hooks";
import WaveSurfer from "wavesurfer.js";
import type { Peaks } from "../../api/types";
import { theme } from "../../ui/theme";

export function Wave({
  peaks,
  url,
  duration,
}: {
  peaks: Peaks | null;
  url: string;
  duration: number;
}): preact.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return undefined;
    const style = getComputedStyle(host.current);
    const wave = WaveSurfer.create({
      container: host.current,
      height: "auto",
      waveColor: style.getPropertyValue("--wave").trim(),
      progressColor: style.getPropertyValue("--wave").trim(),
      cursorWidth: 0,
      interact: false,
      hideScrollbar: true,
      normalize: true,
      ...(peaks ? { peaks: [peaks.maximum, peaks.minimum], duration: duration / 1e6 } : { url }),
    });
    return () => wave.destroy();
  }, [peaks, url, duration, theme.value]);
  return <div class="wave" ref={host} aria-hidden="true" />;
}

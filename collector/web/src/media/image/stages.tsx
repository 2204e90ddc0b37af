/** The pictures of a task in equal cells, beside or under each other, whichever shows them larger. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { CaptureView } from "../../api/types";
import { bestColumns } from "../../model/geometry";

/** The shape of a picture whose format does not say it. */
const USUAL = { width: 16, height: 9 };

interface Props {
  captures: readonly CaptureView[];
  children: ComponentChildren;
}

export function Stages({ captures, children }: Props): preact.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(captures.length);
  useLayoutEffect(() => {
    const room = host.current as HTMLDivElement;
    const pictures = captures.map(({ format: { width, height } }) => (width && height ? { width, height } : USUAL));
    const measure = (): void =>
      setColumns(bestColumns(pictures, { width: room.clientWidth, height: room.clientHeight }));
    const resized = new ResizeObserver(measure);
    resized.observe(room);
    measure();
    return () => resized.disconnect();
  }, [captures.map((c) => c.id).join()]);
  return (
    <div
      ref={host}
      class="stages"
      data-count={captures.length}
      style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
    >
      {children}
    </div>
  );
}

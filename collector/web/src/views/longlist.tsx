/** A list of which only the rows in sight exist: a thousand labels cost no more than twenty. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Shorter lists are written whole. */
const LONG = 200;
/** The height of every row of a long list, as page.css sets it. */
const ROW_PX = 28;
const BEYOND = 6;

/** Whether only the rows in sight of a list with so many exist. */
export const isLong = (count: number): boolean => count > LONG;

interface Props {
  count: number;
  /** The row that is kept in sight, -1 for none. */
  chosen: number;
  row(index: number): ComponentChildren;
  label: string;
  active: string | undefined;
}

export function LongList({ count, chosen, row, label, active }: Props): preact.JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const followed = useRef(-1);
  const long = isLong(count);
  useLayoutEffect(() => {
    if (!long || !list.current) return undefined;
    const element = list.current;
    const resized = new ResizeObserver(() => setHeight(element.clientHeight));
    resized.observe(element);
    return () => resized.disconnect();
  }, [long]);
  // By arithmetic: asking the browser where a row is would lay out all of them.
  const wanted = long && chosen >= 0 && chosen !== followed.current ? scrolledTo(chosen, top, height) : top;
  useLayoutEffect(() => {
    followed.current = chosen;
    if (!long || wanted === top || !list.current) return;
    list.current.scrollTop = wanted;
    setTop(wanted);
  }, [chosen, long]);
  const first = long ? Math.max(0, Math.floor(wanted / ROW_PX) - BEYOND) : 0;
  const last = long ? Math.min(count, Math.ceil((wanted + height) / ROW_PX) + BEYOND) : count;
  return (
    <ul
      ref={list}
      class={long ? "label-list label-list-long" : "label-list"}
      role="listbox"
      tabIndex={0}
      data-count={count}
      aria-label={label}
      aria-activedescendant={active}
      onScroll={(event) => {
        if (long) setTop(event.currentTarget.scrollTop);
      }}
    >
      {long && <li role="presentation" style={{ height: `${first * ROW_PX}px` }} />}
      {Array.from({ length: Math.max(0, last - first) }, (_, index) => row(first + index))}
      {long && <li role="presentation" style={{ height: `${(count - last) * ROW_PX}px` }} />}
    </ul>
  );
}

/** Where the list has to stand so that a row is in sight, moved as little as can be. */
function scrolledTo(row: number, top: number, height: number): number {
  if (row * ROW_PX < top) return row * ROW_PX;
  const bottom = (row + 1) * ROW_PX - height;
  return bottom > top ? bottom : top;
}

/** Text with its spans: drawn over the lines as the browser sets them, so that no letter is moved or cut by a mark. */
import { Component, createRef } from "preact";
import type { Label, TextLabel } from "../../api/types";
import { isText } from "../../model/kinds";
import { same } from "../../model/labels";
import { marksOf, type Mark } from "../../model/spans";
import type { OpenTask } from "../../state/task";
import { classNames, lookOf, type Look } from "../../ui/words";

interface Props {
  text: string;
  lang: string;
  marks: readonly Mark[];
  classes: readonly string[];
  selected: string | null;
  onSelect(id: string): void;
}

interface Drawn {
  mark: Mark;
  /** One for each line that the span is on, from where it begins. */
  lines: { x: number; y: number; width: number; height: number }[];
  tag: { x: number; y: number };
}

interface State {
  drawn: Drawn[];
}

const TAG_HEIGHT = 17;
const LANE_HEIGHT = 5;
/** Wide enough for a name and its score in the tag's type. */
const tagWidth = (look: Look): number => 14 + 7 * (look.name.length + (look.score ? look.score.length + 2 : 0));

export class MarkedText extends Component<Props, State> {
  override state: State = { drawn: [] };
  private readonly host = createRef<HTMLDivElement>();
  private readonly text = createRef<HTMLParagraphElement>();
  private readonly chosen = createRef<HTMLDivElement>();
  private observer: ResizeObserver | null = null;

  override componentDidMount(): void {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.host.current as HTMLDivElement);
    this.measure();
  }

  override componentDidUpdate(before: Props, stateBefore: State): void {
    if (before.text !== this.props.text || before.marks !== this.props.marks) this.measure();
    const moved = before.selected !== this.props.selected || stateBefore.drawn.length !== this.state.drawn.length;
    if (moved) this.chosen.current?.scrollIntoView({ block: "nearest" });
  }

  override componentWillUnmount(): void {
    this.observer?.disconnect();
  }

  private measure(): void {
    const host = this.host.current?.getBoundingClientRect();
    const text = this.text.current;
    const node = text?.firstChild;
    if (!host || !text || !node) return this.setState({ drawn: [] });
    const leftward = getComputedStyle(text).direction === "rtl";
    const taken = new Map<string, number>();
    const drawn = this.props.marks.map((mark): Drawn => {
      const range = document.createRange();
      range.setStart(node, mark.from);
      range.setEnd(node, mark.to);
      const lines = Array.from(range.getClientRects(), (r) => ({
        x: r.x - host.x,
        y: r.y - host.y,
        width: r.width,
        height: r.height,
      }));
      return { mark, lines, tag: this.tagPlace(mark, lines[0], host.width, leftward, taken) };
    });
    this.setState({ drawn });
  }

  /** Above where the span begins; beside another tag that is there already. */
  private tagPlace(
    mark: Mark,
    first: Drawn["lines"][number] | undefined,
    space: number,
    leftward: boolean,
    taken: Map<string, number>,
  ): Drawn["tag"] {
    if (!first) return { x: 0, y: 0 };
    const width = tagWidth(lookOf(mark.span, this.props.classes));
    const y = first.y - TAG_HEIGHT * (mark.lane + 1);
    const row = String(Math.round(y));
    const used = taken.get(row);
    const wish = leftward ? first.x + first.width - width : first.x;
    const beside = used === undefined ? wish : leftward ? Math.min(wish, used - width) : Math.max(wish, used);
    const x = Math.min(Math.max(0, beside), Math.max(0, space - width));
    taken.set(row, leftward ? x - 2 : x + width + 2);
    return { x, y };
  }

  override render(): preact.JSX.Element {
    const { text, lang, marks } = this.props;
    const lanes = marks.reduce((most, mark) => Math.max(most, mark.lane + 1), 0);
    const between = lanes * (TAG_HEIGHT + LANE_HEIGHT);
    return (
      <div class="marked" ref={this.host}>
        <p
          ref={this.text}
          class="marked-text"
          lang={lang}
          dir="auto"
          style={`line-height: calc(1.3em + ${between}px)`}
        >
          {text}
        </p>
        <div class="marks" aria-hidden="true">
          {this.state.drawn.map((drawn) => this.mark(drawn))}
        </div>
      </div>
    );
  }

  private mark({ mark, lines, tag }: Drawn): preact.JSX.Element {
    const { classes, selected, onSelect } = this.props;
    const { span, lane } = mark;
    const look = lookOf(span, classes);
    const chosen = span.id === selected;
    const names = classNames("mark", chosen && "mark-selected", look.model && "mark-model", look.low && "tag-low");
    return (
      <div
        key={span.id}
        class={names}
        data-span={span.id}
        style={`--colour: var(--label-${look.colour}); --lane: ${lane * LANE_HEIGHT}px`}
        onPointerDown={(event) => {
          event.preventDefault();
          onSelect(span.id);
        }}
      >
        {lines.map((line, index) => (
          <div
            key={index}
            class="mark-line"
            style={`left: ${line.x}px; top: ${line.y}px; width: ${line.width}px; height: ${line.height}px`}
          />
        ))}
        <div
          ref={chosen ? this.chosen : null}
          class={classNames("tag mark-tag", look.striped && "tag-striped", chosen && "tag-selected")}
          style={`left: ${tag.x}px; top: ${tag.y}px`}
        >
          <span>{look.name}</span>
          {look.score && <b>{look.score}</b>}
        </div>
      </div>
    );
  }
}

const marked = new WeakMap<readonly Label[], Map<string, Mark[]>>();

/** The marks of a text; the same array for the same labels. */
function marksIn(labels: readonly Label[], text: TextLabel): Mark[] {
  const known = marked.get(labels) ?? new Map<string, Mark[]>();
  marked.set(labels, known);
  const found = known.get(text.id) ?? marksOf(text.text, text.id, labels);
  known.set(text.id, found);
  return found;
}

interface MarkedProps {
  task: OpenTask;
  capture: string;
  text: TextLabel;
}

/** A text label with what is marked in it. */
export function Marked({ task, capture, text }: MarkedProps): preact.JSX.Element {
  const selected = task.selected.value;
  return (
    <MarkedText
      text={text.text}
      lang={text.language ?? task.view.language}
      marks={marksIn(task.work.value[capture] ?? [], text)}
      classes={task.view.classes}
      selected={selected?.capture === capture ? selected.id : null}
      onSelect={(id) => {
        task.commit();
        task.selected.value = { capture, id };
      }}
    />
  );
}

export const hasSpans = (task: OpenTask, capture: string, text: string): boolean =>
  (task.work.value[capture] ?? []).some((l) => l.kind === "span" && l.parent === text);

/** The texts of a capture that have no field of their own here, and what is marked in all of them. */
export function MarkedTexts({
  task,
  capture,
  written,
}: {
  task: OpenTask;
  capture: string;
  /** The text that stands in a field: it is shown here once more only for its marks. */
  written: string | null;
}): preact.JSX.Element | null {
  const texts = (task.work.value[capture] ?? []).filter(
    (l): l is TextLabel => isText(l) && (l.id !== written || hasSpans(task, capture, l.id)),
  );
  if (texts.length === 0) return null;
  return (
    <section class="marked-texts" aria-label="Marked text">
      {texts.map((text) => (
        <div
          key={text.id}
          data-text={text.id}
          class={classNames("marked-row", same(task.selected.value, { capture, id: text.id }) && "marked-selected")}
        >
          <h2>
            {text.id === written ? "Marked" : text.label}{" "}
            <span class="note">{text.id === written ? "in the text above" : lookOf(text, task.view.classes).score}</span>
          </h2>
          <Marked task={task} capture={capture} text={text} />
        </div>
      ))}
    </section>
  );
}

/** What a still with text looks like: the picture with its places, and each text beside a piece of the picture. */
import { useEffect, useRef } from "preact/hooks";
import type { CaptureView, Label, PolygonLabel } from "../../api/types";
import { same } from "../../model/labels";
import { boundsOf, outlineOf } from "../../model/outline";
import { pieceOf, piecesOf, type Piece } from "../../model/pieces";
import type { OpenTask } from "../../state/task";
import { Loading, TextField, Trouble } from "../../ui/parts";
import { classNames, lookOf } from "../../ui/words";
import type { Shape } from "../image/shapes";
import { Stage } from "../image/stage";
import { mounting } from "../mount";
import { LanguageChoice } from "./language";
import { hasSpans, Marked } from "./marked";
import { ReadingEditor } from "./reading";

export function ReadingView({ editor }: { editor: ReadingEditor }): preact.JSX.Element {
  const task = editor.task.value;
  const capture = editor.capture();
  const shown = editor.bitmap.state.value;
  if (!task || !capture) return <div class="medium" />;
  return (
    <div class="medium medium-reading">
      <div class="stages" data-count={1}>
        {shown.state === "loading" && <Loading what="the picture" />}
        {shown.state === "failed" && (
          <Trouble what="The picture" why={shown.why} retry={() => editor.open()} />
        )}
        {shown.state === "ready" && <Picture editor={editor} task={task} capture={capture} bitmap={shown.medium} />}
      </div>
      <Pieces editor={editor} task={task} bitmap={editor.bitmap.ready} />
    </div>
  );
}

interface PictureProps {
  editor: ReadingEditor;
  task: OpenTask;
  capture: CaptureView;
  bitmap: ImageBitmap;
}

function Picture({ editor, task, capture, bitmap }: PictureProps): preact.JSX.Element {
  const selected = editor.piece();
  return (
    <Stage
      picture={{ width: bitmap.width, height: bitmap.height }}
      source={bitmap}
      version={0}
      title={`${capture.sensor}, still of step ${task.view.step_title}`}
      shapes={shapesOf(task, capture.id, editor.pieces())}
      tool={editor.tool}
      active
      close={editor.close.value && selected?.place ? boundsOf(outlineOf(selected.place)?.points ?? []) : null}
      onSelect={(ref) => editor.select(pieceOf(editor.pieces(), ref.id))}
      onChange={() => undefined}
      onCommit={() => task.commit()}
      onActivate={() => undefined}
    />
  );
}

/** The most letters of a text that its tag on the picture shows. */
const TAG_LETTERS = 28;

function shapesOf(task: OpenTask, capture: string, pieces: readonly Piece[]): Shape[] {
  const make = (place: PolygonLabel, piece: Piece, ghost: boolean): Shape[] => {
    const outline = outlineOf(place);
    if (!outline) return [];
    const said: Label = piece.text ?? place;
    const title = piece.text?.text || place.label;
    return [
      {
        ref: { capture, id: place.id },
        rect: boundsOf(outline.points),
        outline,
        look: lookOf(said, task.view.classes),
        title: title.length > TAG_LETTERS ? `${title.slice(0, TAG_LETTERS)}…` : title,
        quiet: true,
        selected: !ghost && same(task.selected.value, { capture, id: piece.id }),
        ghost,
        absent: false,
        occluded: false,
      },
    ];
  };
  const gone = piecesOf(task.ghosts.value.filter((g) => g.ref.capture === capture).map((g) => g.label));
  return [
    ...gone.flatMap((p) => (p.place ? make(p.place, p, true) : [])),
    ...pieces.flatMap((p) => (p.place ? make(p.place, p, false) : [])),
  ];
}

interface PiecesProps {
  editor: ReadingEditor;
  task: OpenTask;
  bitmap: ImageBitmap | null;
}

function Pieces({ editor, task, bitmap }: PiecesProps): preact.JSX.Element {
  const pieces = editor.pieces();
  const selected = editor.piece();
  return (
    <section class="reading" aria-label="Texts in the order they are read">
      <p class="reading-head">
        <span class="note">
          <kbd>W</kbd> write · <kbd>↑</kbd> <kbd>↓</kbd> reading order · <kbd>N</kbd> mark a text
        </span>
        {selected?.text && (
          <LanguageChoice
            value={selected.text.language ?? null}
            first={task.view.language}
            onChoose={(tag) => editor.setLanguage(tag)}
          />
        )}
      </p>
      <ol class="reading-list">
        {pieces.length === 0 && (
          <li class="quiet">
            No text is marked. <kbd>N</kbd> marks one, <kbd>Enter</kbd> confirms that there is none.
          </li>
        )}
        {pieces.map((piece, index) => (
          <Row
            key={piece.id}
            editor={editor}
            task={task}
            piece={piece}
            number={index + 1}
            selected={piece.id === selected?.id}
            bitmap={bitmap}
          />
        ))}
      </ol>
    </section>
  );
}

interface RowProps {
  editor: ReadingEditor;
  task: OpenTask;
  piece: Piece;
  number: number;
  selected: boolean;
  bitmap: ImageBitmap | null;
}

function Row({ editor, task, piece, number, selected, bitmap }: RowProps): preact.JSX.Element {
  const host = useRef<HTMLLIElement>(null);
  const { text, place } = piece;
  const look = lookOf((text ?? place) as Label, task.view.classes);
  const capture = editor.capture()?.id ?? "";
  useEffect(() => {
    if (selected) host.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  return (
    <li
      ref={host}
      data-piece={piece.id}
      data-text-of={piece.id}
      class={classNames("piece", selected && "piece-selected")}
      style={`--colour: var(--label-${look.colour})`}
      onPointerDown={(event) => {
        if (!(event.target as Element).closest("[data-span]")) editor.select(piece);
      }}
    >
      <span class="piece-number">{number}</span>
      <div class="piece-middle">
        {bitmap && place && <Crop bitmap={bitmap} place={place} />}
        {text && hasSpans(task, capture, text.id) && <Marked task={task} capture={capture} text={text} />}
        {text ? (
          <TextField
            value={text.text}
            label={`Text ${number}`}
            lang={text.language ?? task.view.language}
            oneLine
            placeholder="text shown here"
            onText={(value) => editor.setText(text.id, value)}
            onFocus={() => {
              // A span of this text that is selected stays it.
              if (editor.piece()?.id !== piece.id) editor.select(piece);
            }}
            onLeave={() => task.commit()}
          />
        ) : (
          <button type="button" tabIndex={-1} onClick={() => editor.writePlace(piece.id)}>
            <kbd>N</kbd> no text yet: add it
          </button>
        )}
      </div>
      <span class={classNames("label-score", look.low && "label-low")}>
        {look.low && "? "}
        {look.score}
      </span>
    </li>
  );
}

const CROP_HEIGHT = 30;
const CROP_WIDTH = 420;

/** The place cut out of the picture and turned upright, so that letters and field stand under each other. */
function Crop({ bitmap, place }: { bitmap: ImageBitmap; place: PolygonLabel }): preact.JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const { x, y, width, height, angle } = upright(place);
    const sharp = window.devicePixelRatio || 1;
    const scale = Math.min(CROP_HEIGHT / height, CROP_WIDTH / width);
    canvas.current.width = Math.max(1, Math.round(width * scale * sharp));
    canvas.current.height = Math.max(1, Math.round(height * scale * sharp));
    canvas.current.style.width = `${Math.round(width * scale)}px`;
    context.scale(scale * sharp, scale * sharp);
    context.rotate(-angle);
    context.translate(-x, -y);
    context.drawImage(bitmap, 0, 0);
  }, [bitmap, place]);
  return <canvas ref={canvas} class="piece-crop" aria-hidden="true" />;
}

interface Upright {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Of the line of writing, radians clockwise. */
  angle: number;
}

/** Four corners are a piece of writing, clockwise from where it begins; anything else is its upright box. */
function upright(place: PolygonLabel): Upright {
  const [a, b, , d] = place.points;
  if (place.points.length !== 4 || !a || !b || !d) {
    const box = boundsOf(outlineOf(place)?.points ?? []);
    return { ...box, width: Math.max(1, box.width), height: Math.max(1, box.height), angle: 0 };
  }
  return {
    x: a[0],
    y: a[1],
    width: Math.max(1, Math.hypot(b[0] - a[0], b[1] - a[1])),
    height: Math.max(1, Math.hypot(d[0] - a[0], d[1] - a[1])),
    angle: Math.atan2(b[1] - a[1], b[0] - a[0]),
  };
}

export const mount = mounting((context) => new ReadingEditor(context), ReadingView);

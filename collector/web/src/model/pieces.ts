/** Text in a still: each piece is a place (a polygon) and what it says (a text whose parent it is). Pure. */
import type { Label, PolygonLabel, TextLabel } from "../api/types";
import type { Rect } from "./geometry";
import { byDoubt, newId, type Work } from "./labels";
import { boundsOf, cornersOf, outlineOf } from "./outline";

export interface Piece {
  /** Of the text, else of the place that nobody has read: what is selected when the piece is. */
  id: string;
  place: PolygonLabel | null;
  text: TextLabel | null;
}

/** The pieces in the order of the document, which is the order they are read in (prelabel/text/order.py). */
export function piecesOf(labels: readonly Label[]): Piece[] {
  const places = new Map(labels.flatMap((l): [string, PolygonLabel][] => (l.kind === "polygon" ? [[l.id, l]] : [])));
  const texts = labels.filter((l): l is TextLabel => l.kind === "text");
  const read = new Set(texts.map((t) => t.parent));
  return labels.flatMap((label): Piece[] => {
    if (label.kind === "text") return [{ id: label.id, place: places.get(label.parent ?? "") ?? null, text: label }];
    return label.kind === "polygon" && !read.has(label.id) ? [{ id: label.id, place: label, text: null }] : [];
  });
}

/** The piece that a label belongs to, its place or its text. */
export const pieceOf = (pieces: readonly Piece[], id: string | undefined): Piece | undefined =>
  pieces.find((p) => p.id === id || p.place?.id === id);

/** The label whose removal takes the whole piece. */
export const rootOf = (piece: Piece): string => piece.place?.id ?? piece.id;

/** The piece after (1) or before (-1) this one: as they are read, without going round. */
export function readNext(pieces: readonly Piece[], from: Piece | undefined, step: 1 | -1): Piece | undefined {
  const at = pieces.findIndex((p) => p.id === from?.id);
  return at < 0 ? pieces[0] : pieces[Math.min(Math.max(at + step, 0), pieces.length - 1)];
}

/** The piece after or before this one, least certain first, round and round. */
export function doubtNext(pieces: readonly Piece[], from: Piece | undefined, step: 1 | -1): Piece | undefined {
  const rows = byDoubt(pieces.map((p) => (p.text ?? p.place) as Label)).map((l) => pieceOf(pieces, l.id) as Piece);
  const at = rows.findIndex((p) => p.id === from?.id);
  if (at < 0) return step > 0 ? rows[0] : rows[rows.length - 1];
  return rows[(at + step + rows.length) % rows.length];
}

/** An empty text for a place that nobody has read, right behind it. Returns the new work and the text's id. */
export function withText(work: Work, before: Work, capture: string, place: string, like: TextLike): [Work, string] {
  const labels = work[capture] ?? [];
  const id = newId(labels, before[capture] ?? []);
  const at = labels.findIndex((l) => l.id === place) + 1;
  return [{ ...work, [capture]: [...labels.slice(0, at), emptyText(id, place, like), ...labels.slice(at)] }, id];
}

/** A new place with an empty text, where it is read among the others. Returns the new work and the text's id. */
export function withPiece(work: Work, before: Work, capture: string, rect: Rect, like: TextLike): [Work, string] {
  const labels = work[capture] ?? [];
  const place: Label = {
    id: newId(labels, before[capture] ?? []),
    kind: "polygon",
    label: like.label,
    score: null,
    points: cornersOf(rect),
  };
  const text = emptyText(newId([...labels, place], before[capture] ?? []), place.id, like);
  const later = piecesOf(labels).find((p) => p.place !== null && isRead(rect, boundsOf(outlineOf(p.place)?.points ?? [])));
  const at = later ? labels.findIndex((l) => l.id === rootOf(later)) : labels.length;
  return [{ ...work, [capture]: [...labels.slice(0, at), place, text, ...labels.slice(at)] }, text.id];
}

export interface TextLike {
  /** The study's word for texts. */
  label: string;
  language: string;
}

const emptyText = (id: string, parent: string, like: TextLike): TextLabel => ({
  id,
  kind: "text",
  label: like.label,
  score: null,
  parent,
  text: "",
  language: like.language,
});

/** Whether `a` is read before `b`: it is on a line above, or on the same line and further left. */
function isRead(a: Rect, b: Rect): boolean {
  const middle = a.y + a.height / 2;
  const sameLine = middle >= b.y && middle <= b.y + b.height;
  return sameLine ? a.x < b.x : middle < b.y;
}

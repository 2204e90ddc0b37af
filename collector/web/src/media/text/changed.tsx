/** What a correction changed, marked in the text. */
import { useMemo } from "preact/hooks";
import { textDiff, type Piece } from "../../model/textdiff";

/** So much of a stretch that stayed is shown beside a change. */
const AROUND = 60;

interface Props {
  before: string;
  after: string;
  lang: string;
}

/** Always there, so that nothing moves under the hand when the first letter is typed. */
export function Changed({ before, after, lang }: Props): preact.JSX.Element {
  const pieces = useMemo(() => textDiff(before, after), [before, after]);
  const same = pieces.every((piece) => piece.kind === "same");
  return (
    <>
      <h2>What changed</h2>
      <p class="answer-changes" lang={lang} dir="auto">
        {same ? <span class="note">nothing</span> : pieces.map((piece, index) => marked(piece, index, pieces.length))}
      </p>
    </>
  );
}

function marked({ kind, text }: Piece, index: number, count: number): preact.JSX.Element {
  if (kind === "out") return <del key={index}>{text}</del>;
  if (kind === "in") return <ins key={index}>{text}</ins>;
  return <span key={index}>{shortened(text, index === 0, index === count - 1)}</span>;
}

/** What stayed, only as far as it helps to find the place. */
function shortened(text: string, isFirst: boolean, isLast: boolean): string {
  const space = isFirst || isLast ? AROUND : 2 * AROUND;
  if (text.length <= space + 1) return text;
  const signs = [...text];
  const head = isFirst ? "" : signs.slice(0, AROUND).join("");
  const tail = isLast ? "" : signs.slice(-AROUND).join("");
  return `${head}…${tail}`;
}

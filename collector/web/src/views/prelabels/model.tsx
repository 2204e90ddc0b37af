/** One model and kind of label: its measures, what became of its pre-labels, and the same by word, device and step. */
import type { PrelabelReport, QualityRow } from "../../api/types";
import {
  editParts,
  EDITS,
  editSentence,
  facts,
  kindWord,
  measure,
  percent,
  plural,
  rowName,
  worthOf,
  type Edit,
  type ModelPart,
} from "../../model/quality";
import { classNames } from "../../ui/words";

export function Model({ part, report }: { part: ModelPart; report: PrelabelReport }): preact.JSX.Element {
  const { row } = part;
  const { model } = row;
  const name = `${model.name}${model.version ? ` ${model.version}` : ""}`;
  const title = `${name}, ${kindWord(row.kind)}${row.configuration ? `, ${row.configuration}` : ""}`;
  return (
    <section class="lead-card model" aria-label={title} data-model={model.name} data-kind={row.kind}>
      <h2 class="big">
        {model.name}{" "}
        <span class="note">
          {model.version} · {kindWord(row.kind)} on {plural(row.items, "item")}
          {model.sha256 && (
            <>
              {" "}
              · <code title={model.sha256}>{model.sha256.slice(0, 12)}</code>
            </>
          )}
        </span>
      </h2>
      {row.configuration && (
        <p class="note configuration" title="How this row differs from the others of the same model file">
          {row.configuration}
        </p>
      )}
      <Facts row={row} />
      <EditBar row={row} />
      {part.anchoring && <p class="note">{part.anchoring}</p>}
      <Cut title="By name" of={title} rows={part.words} report={report} open />
      <Cut title="By device" of={title} rows={part.devices} report={report} />
      <Cut title="By step" of={title} rows={part.steps} report={report} />
    </section>
  );
}

function Facts({ row }: { row: QualityRow }): preact.JSX.Element {
  const rows = facts(row);
  const chance = row.random;
  return (
    <>
      <dl class="measures">
        {rows.map((f) => (
          <div key={f.name}>
            <dt>{f.name}</dt>
            <dd>
              <b>{f.value}</b>
              <span class="note">{f.note}</span>
              {f.chance !== null && <span class="chance">random sample: {f.chance}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <p class="note">
        {chance
          ? `The random sample has ${plural(chance.items, "item")} and shows how the model does on all items. The queue` +
            " prefers uncertain items, which makes the other figures look worse."
          : "No item of the random sample yet. The queue prefers uncertain items, so these figures look worse than the model is."}
      </p>
    </>
  );
}

/** Widths are counts; what people added stands apart, because it is no part of the pre-labels. */
function EditBar({ row }: { row: QualityRow }): preact.JSX.Element {
  const parts = editParts(row);
  return (
    <figure class="edits">
      <Bar row={row} />
      <figcaption>
        <ul>
          {parts.map(({ edit, count }) => (
            <li key={edit} title={EDITS[edit]}>
              <i class={classNames("edit", `edit-${edit}`)} aria-hidden="true" /> <b>{count.toLocaleString("en")}</b> {edit}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

function Bar({ row }: { row: QualityRow }): preact.JSX.Element {
  return (
    <div class="edit-bar" role="img" aria-label={editSentence(row)} title={editSentence(row)}>
      {editParts(row).map(({ edit, count }) => (
        <i key={edit} class={classNames("edit", `edit-${edit}`)} style={{ flexGrow: count }} />
      ))}
    </div>
  );
}

const COLUMNS: readonly (readonly [string, readonly Edit[]])[] = [
  ["accepted", ["accepted"]],
  ["moved", ["moved"]],
  ["relabelled", ["relabelled"]],
  ["edited", ["edited"]],
  ["deleted", ["deleted", "doubled"]],
  ["added", ["added"]],
];

interface CutProps {
  title: string;
  /** The model, and the kind of its labels. */
  of: string;
  rows: readonly QualityRow[];
  report: PrelabelReport;
  open?: boolean;
}

function Cut({ title, of, rows, report, open }: CutProps): preact.JSX.Element | null {
  if (rows.length === 0) return null;
  const special = rows.map((r) => measure(r).name).find(Boolean) ?? "";
  return (
    <details class="cut" open={open}>
      <summary>
        {title} <span class="note">{rows.length}</span>
      </summary>
      <div class="table-room" tabIndex={0} role="region" aria-label={`${title}: ${of}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">{title.slice(3)}</th>
              <th scope="col">pre-labels</th>
              <th scope="col" class="bar-column">
                result
              </th>
              {COLUMNS.map(([name]) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              <th scope="col">right</th>
              <th scope="col">found</th>
              {special && <th scope="col">{special}</th>}
              <th scope="col">random sample, accepted</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <CutRow key={rowName(row, rows)} row={row} name={rowName(row, rows)} report={report} special={special} />
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

const share = (value: number | null | undefined): string => (value == null ? "–" : percent(value));

interface CutRowProps {
  row: QualityRow;
  name: string;
  report: PrelabelReport;
  special: string;
}

function CutRow({ row, name, report, special }: CutRowProps): preact.JSX.Element {
  const worth = row.cut === "class" ? worthOf(report, row) : undefined;
  const costs = worth !== undefined && worth.saved_seconds_per_100 < 0;
  return (
    <tr>
      <th scope="row">
        {name} {costs && <b class="costs-word">▲ costs time</b>}
      </th>
      <td>{row.edits.prelabels.toLocaleString("en")}</td>
      <td class="bar-column">
        <Bar row={row} />
      </td>
      {COLUMNS.map(([column, edits]) => (
        <td key={column}>{edits.reduce((sum, edit) => sum + row.edits[edit], 0).toLocaleString("en")}</td>
      ))}
      <td>{share(row.found.precision)}</td>
      <td>{share(row.found.recall)}</td>
      {special && <td>{measure(row).value || "–"}</td>}
      <td>{share(row.random?.acceptance?.share)}</td>
    </tr>
  );
}

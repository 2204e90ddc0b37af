/** A part of a page for leads: its heading, why its newest value could not be had, and what it shows. */
import type { ComponentChildren } from "preact";

/** Behind the reason, where an older value is still shown. */
export const OLD_VALUE = "What is below is the last that was received. This page tries again automatically.";

interface CardProps {
  /** Of the heading. */
  id: string;
  title: string;
  trouble?: string | null;
  children: ComponentChildren;
}

export function LeadCard({ id, title, trouble = null, children }: CardProps): preact.JSX.Element {
  return (
    <section class="lead-card" aria-labelledby={id}>
      <h2 id={id} class="big">
        {title}
      </h2>
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      {children}
    </section>
  );
}

interface TableProps {
  name: string;
  columns: readonly string[];
  /** What its cells hold; columns of numbers stand right. */
  of?: "words" | "numbers";
  /** Whether a last column has buttons. */
  acts?: boolean;
  /** Its rows. */
  children: ComponentChildren;
}

/** A table that scrolls in its own room where the page is narrow. */
export function LeadTable({ name, columns, of = "words", acts = false, children }: TableProps): preact.JSX.Element {
  return (
    <div class="table-room" tabIndex={0} role="region" aria-label={name}>
      <table class={of === "words" ? "words-table" : undefined}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            {acts && (
              <th scope="col">
                <span class="sr-only">action</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

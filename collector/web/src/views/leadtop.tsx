/** The top of a page for leads: its name, the other pages, the theme. */
import { nextTheme, theme } from "../ui/theme";
import { LEAD_PAGES, REVIEW, addressOf } from "./leadpages";

interface LeadTopProps {
  title: string;
  /** Which of the pages this is. */
  page: string;
  /** Of somebody who has no other page: they sign out here. */
  leave?: (() => void) | undefined;
}

export function LeadTop({ title, page, leave }: LeadTopProps): preact.JSX.Element {
  return (
    <header class="lead-top">
      <h1>{title}</h1>
      <nav aria-label="Other pages">
        {!leave &&
          [REVIEW, ...LEAD_PAGES]
            .filter(({ path }) => path !== page)
            .map((other) => (
              <a key={other.path} class="button" href={addressOf(other)}>
                {other.name}
              </a>
            ))}
        <button
          type="button"
          aria-label={`Theme: ${theme.value}`}
          title={`Theme: ${theme.value}`}
          onClick={() => void nextTheme()}
        >
          ◐
        </button>
        {leave && (
          <button type="button" onClick={leave}>
            sign out
          </button>
        )}
      </nav>
    </header>
  );
}

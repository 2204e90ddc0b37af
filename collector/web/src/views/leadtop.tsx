/** The top of a page for leads: its name, the other pages, the theme. */
import { nextTheme, theme } from "../ui/theme";

const PAGES: [string, string][] = [
  ["/", "review"],
  ["/today", "today"],
  ["/prelabels", "pre-labels"],
  ["/exports", "exports"],
  ["/studies", "studies"],
  ["/installation", "installation"],
];

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
        {PAGES.filter(([path]) => path !== page && !leave).map(([path, name]) => (
          <a key={path} class="button" href={location.pathname === path ? "#" : path === "/" ? "/" : `#${path.slice(1)}`}>
            {name}
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

/** The pages for leads: where each is, and what links to it say. */

interface LeadPage {
  path: string;
  /** On the small buttons at the top of a page. */
  name: string;
  title: string;
}

export const REVIEW: LeadPage = { path: "/", name: "review", title: "Back to review" };
export const LEAD_PAGES: LeadPage[] = [
  { path: "/today", name: "today", title: "Today's numbers" },
  { path: "/prelabels", name: "pre-labels", title: "Quality of the pre-labels" },
  { path: "/exports", name: "exports", title: "Exports" },
  { path: "/studies", name: "studies", title: "Studies" },
  { path: "/installation", name: "installation", title: "Installation" },
];

/** The address of a page from the one that is open: without loading anything, except for the review. */
export function addressOf(page: LeadPage): string {
  if (location.pathname === page.path) return "#";
  return page.path === REVIEW.path ? page.path : `#${page.path.slice(1)}`;
}

/** What a person wants to see on the pictures; it stays from item to item. */
import { signal } from "@preact/signals";

/** Whether the names stand on the picture: they hide what is under them. */
export const tagsShown = signal(true);

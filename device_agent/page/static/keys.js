// Keys of the whole page. In a text field every plain key types; Esc leaves it, Ctrl+Enter sends.

const CONTROLS = "button, input, textarea, select, a[href], summary";

/** `does` has primary(), pause(), stop(), send(); each does nothing when its moment is not now. */
export function listenForKeys(does) {
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.matches("textarea")) {
      if (event.key === "Escape") return take(event, () => target.blur());
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return take(event, does.send);
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return take(event, does.stop);
    if (event.key === "p" || event.key === "P") return take(event, does.pause);
    // A control that has just gone can hold the focus for one more frame: it takes no key away.
    const onControl = target.closest(CONTROLS) && target.checkVisibility();
    if ((event.key === "Enter" || event.key === " ") && !onControl) take(event, () => does.primary(event.key));
  });
}

function take(event, action) {
  event.preventDefault();
  action();
}

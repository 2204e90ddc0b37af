/** The review page: one task at a time, everything in its place. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { EditorContext, MountedEditor } from "../media/editor";
import { editors } from "../media/registry";
import { surfaceOf, type Surface } from "../model/keys";
import { playing } from "../state/activity";
import type { MediaSet } from "../media/load";
import type { Item } from "../state/prefetch";
import type { Store } from "../state/store";
import { Trouble } from "../ui/parts";
import { Bar } from "./bar";
import { CorrectionDialog, Hints, KeysDialog, SkipDialog } from "./dialogs";
import { Header } from "./header";
import { Keyboard } from "./keyboard";
import { Panel } from "./panel";
import { NamesDialog } from "./picker";

export function Review({ store }: { store: Store<MediaSet> }): preact.JSX.Element {
  const keyboard = useMemo(() => new Keyboard(store), [store]);
  const [status, setStatus] = useState<string | null>(null);
  // Before it is seen: a quick hand's first key is meant for what is on the page, here and in the effects below.
  useLayoutEffect(() => keyboard.listen(), [keyboard]);
  const item = store.current.value;
  useLayoutEffect(() => keyboard.toPage(), [keyboard, item]);
  return (
    <div
      class="review"
      data-task={item?.task.id ?? ""}
      data-type={item?.task.view.type ?? ""}
      data-ready={store.gate.open.value}
    >
      <Header store={store} keyboard={keyboard} />
      <main class="work" aria-label="The recording">
        {item && <LostBanner store={store} item={item} />}
        <EditorHost store={store} keyboard={keyboard} onStatus={setStatus} />
        {!item && (
          <div class="quiet work-waiting" role="status">
            Fetching the next item.
          </div>
        )}
        <Hints store={store} on={item ? surfaceOf(item.task.view) : "boxes"} />
      </main>
      {item ? <Panel task={item.task} keyboard={keyboard} storage={store.session.storage} /> : <aside class="panel" />}
      <Bar store={store} keyboard={keyboard} status={status} />
      {keyboard.dialog.value === "keys" && <KeysDialog keyboard={keyboard} on={item ? surfaceOf(item.task.view) : "boxes"} />}
      {keyboard.dialog.value === "names" && item && <NamesDialog keyboard={keyboard} task={item.task} />}
      {keyboard.dialog.value === "skip" && <SkipDialog keyboard={keyboard} />}
      {keyboard.dialog.value === "correction" && <CorrectionDialog keyboard={keyboard} whose={store.acceptance.corrects(item?.task) ?? ""} />}
    </div>
  );
}

function LostBanner({ store, item }: { store: Store; item: Item }): preact.JSX.Element | null {
  const { lost } = item.task.hold.value;
  if (lost === null) return null;
  return (
    <div class="banner" role="alert">
      <span>
        <strong>This item {lost}.</strong> Your work on it is stored as a draft, which leads can open. Nothing was overwritten.
      </span>
      <button type="button" onClick={() => void store.takeAgain()}>
        <kbd>A</kbd> reopen it
      </button>
      <button type="button" class="primary" onClick={() => store.submit()}>
        <kbd>Enter</kbd> next item
      </button>
    </div>
  );
}

/** Puts the caret into the text of this label, or of the only one, or into the choice of a language. */
function focusField(host: HTMLElement | null, field: "text" | "language", label?: string): void {
  const inside = label === undefined ? host : host?.querySelector(`[data-text-of="${CSS.escape(label)}"]`);
  inside?.querySelector<HTMLElement>(field === "text" ? "textarea" : "select")?.focus();
}

interface HostProps {
  store: Store<MediaSet>;
  keyboard: Keyboard;
  onStatus(text: string | null): void;
}

/** Holds the editor of the task's surface; it stays mounted from task to task of one, so that nothing moves. */
function EditorHost({ store, keyboard, onStatus }: HostProps): preact.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const mounted = useRef<{ surface: Surface; here: MountedEditor } | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const item = store.current.value;
  useLayoutEffect(() => {
    let here = true;
    const context: EditorContext = {
      status: onStatus,
      notify: (text) => store.notify(text),
      playing: (now) => {
        playing.value = now;
      },
      focus: (field, label) => focusField(host.current, field, label),
    };
    const clear = (): void => {
      mounted.current?.here.unmount();
      mounted.current = null;
      keyboard.editor = null;
      store.gate.watch(null);
      onStatus(null);
      playing.value = false;
    };
    const show = async (next: Item<MediaSet>): Promise<void> => {
      const surface = surfaceOf(next.task.view);
      if (mounted.current?.surface !== surface) {
        clear();
        const { mount } = await editors[surface]();
        if (!here || !host.current) return;
        mounted.current = { surface, here: mount(host.current, context) };
      }
      const { editor } = mounted.current.here;
      keyboard.editor = editor;
      playing.value = false;
      editor.load(next.task, next.media);
      store.gate.watch(editor);
    };
    setTrouble(null);
    if (!item) clear();
    else show(item).catch((error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)));
    return () => {
      here = false;
    };
  }, [item, attempt]);
  useLayoutEffect(
    () => () => {
      mounted.current?.here.unmount();
      mounted.current = null;
      keyboard.editor = null;
    },
    [keyboard],
  );
  return (
    <>
      <div class="editor" ref={host} />
      {trouble && <Trouble what="The editor" why={trouble} retry={() => setAttempt(attempt + 1)} />}
    </>
  );
}

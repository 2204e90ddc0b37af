/** Joins an editor, which knows no page, with the view that draws it. */
import { render, type ComponentType } from "preact";
import type { Editor, EditorContext, Mount } from "./editor";

export const mounting =
  <E extends Editor>(make: (context: EditorContext) => E, View: ComponentType<{ editor: E }>): Mount =>
  (host, context) => {
    const editor = make(context);
    render(<View editor={editor} />, host);
    return {
      editor,
      unmount: () => {
        editor.dispose();
        render(null, host);
      },
    };
  };

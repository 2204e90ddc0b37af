/** What a task of stills looks like: the pictures and the boxes on them. */
import type { CaptureView, Label } from "../../api/types";
import { isBox } from "../../model/kinds";
import { same, type Ref } from "../../model/labels";
import { outlineOf } from "../../model/outline";
import type { OpenTask } from "../../state/task";
import { Loading, Trouble } from "../../ui/parts";
import { lookOf } from "../../ui/words";
import { mounting } from "../mount";
import { ImageEditor, placeOf, rectOf } from "./editor";
import type { Shape } from "./shapes";
import { Stage } from "./stage";
import { Stages } from "./stages";

function shapesOf(task: OpenTask, capture: string): Shape[] {
  const { classes } = task.view;
  const selected = task.selected.value;
  const make = (label: Label, ghost: boolean): Shape[] => {
    const outline = outlineOf(label);
    const rect = isBox(label) ? rectOf(label) : placeOf(label);
    if (!rect) return [];
    const ref: Ref = { capture, id: label.id };
    return [
      {
        ref,
        rect,
        outline,
        rotation: isBox(label) ? (label.rotation ?? 0) : 0,
        // A box's keypoints stand inside it and would write its name over it once more.
        quiet: outline !== null && typeof label.parent === "string",
        look: lookOf(label, classes),
        selected: !ghost && same(ref, selected),
        ghost,
        absent: false,
        occluded: false,
      },
    ];
  };
  return [
    ...task.ghosts.value.filter((g) => g.ref.capture === capture).flatMap((g) => make(g.label, true)),
    ...(task.work.value[capture] ?? []).flatMap((label) => make(label, false)),
  ];
}

function ImageView({ editor }: { editor: ImageEditor }): preact.JSX.Element {
  const task = editor.task.value;
  if (!task) return <div class="medium" />;
  const pictures = editor.captures(task);
  return (
    <div class="medium">
      <Stages captures={pictures}>
        {pictures.map((capture) => (
          <Picture key={capture.id} editor={editor} task={task} capture={capture} />
        ))}
      </Stages>
    </div>
  );
}

function Picture({
  editor,
  task,
  capture,
}: {
  editor: ImageEditor;
  task: OpenTask;
  capture: CaptureView;
}): preact.JSX.Element {
  const shown = editor.shown(capture.id);
  if (shown.state === "loading") {
    const arrived = editor.arrived(capture.id);
    return <Loading what="the picture" {...(arrived ? { arrived } : {})} />;
  }
  if (shown.state === "failed")
    return <Trouble what="The picture" why={shown.why} retry={() => editor.open(capture)} />;
  const label = task.label();
  const active = editor.activeCapture() === capture.id;
  return (
    <Stage
      picture={{ width: shown.medium.width, height: shown.medium.height }}
      source={shown.medium}
      version={0}
      title={`${capture.sensor}, still of step ${task.view.step_title}`}
      shapes={shapesOf(task, capture.id)}
      tool={editor.tool}
      active={active}
      close={editor.close.value && active ? placeOf(label) : null}
      note={editor.captures(task).length > 1 ? capture.sensor : null}
      onSelect={(ref) => {
        task.commit();
        task.selected.value = ref;
      }}
      onChange={(_ref, rect, series) => editor.change(rect, series)}
      onCommit={() => task.commit()}
      onActivate={() => {
        editor.active.value = capture.id;
      }}
    />
  );
}

export const mount = mounting((context) => new ImageEditor(context), ImageView);

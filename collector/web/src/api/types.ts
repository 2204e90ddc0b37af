/**
 * The words of the collector's HTTP interface, taken from its own OpenAPI document (schema.d.ts, generated).
 *
 * What is said here on top: members that the wire always writes although they have a default (score, visible, schema),
 * and labels as one union by `kind`.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];
type Always<T, K extends keyof T> = Omit<T, K> & { [P in K]-?: Exclude<T[P], undefined> };
type Scored<T extends { score?: number | null }> = Always<T, "score">;

export type BrowserStorage = Schemas["BrowserStorage"];
export type TaskType = Schemas["TaskView"]["type"];
export type Source = Schemas["Source"];
export type Keyframe = Always<Schemas["Keyframe"], "visible">;
export type BoxLabel = Scored<Schemas["Box"]>;
export type TrackLabel = Omit<Scored<Schemas["Track"]>, "keyframes"> & { keyframes: Keyframe[] };
export type IntervalLabel = Scored<Schemas["Interval"]>;
export type TextLabel = Scored<Schemas["Text"]>;
export type SpanLabel = Scored<Schemas["Span"]>;
/** Kinds without an editor: they are drawn or stand in the list; all can be renamed and rejected. */
export type PolygonLabel = Scored<Schemas["Polygon"]>;
export type KeypointsLabel = Scored<Schemas["Keypoints"]>;
export type MaskLabel = Scored<Schemas["Mask"]>;
export type OtherLabel = MaskLabel | Scored<Schemas["Choice"]>;
export type Label = BoxLabel | TrackLabel | IntervalLabel | TextLabel | SpanLabel | PolygonLabel | KeypointsLabel | OtherLabel;

export type LabelsDocument = Omit<Always<Schemas["LabelsDocument"], "schema">, "labels"> & { labels: Label[] };
export type CaptureView = Schemas["TaskView"]["captures"][number];
export type Lease = Schemas["LeaseView"];
export type Diff = Schemas["Diff"];
export type Progress = Schemas["Progress"];
export type Me = Schemas["Me"];
export type MediaLink = Schemas["MediaLink"];
export type FrameTable = Schemas["FrameTable"];
export type Activity = Schemas["ActivityReported"];

type Documents<T> = Omit<T, "documents"> & { documents: LabelsDocument[] };
export type RevisionView = Documents<Schemas["RevisionView"]>;
export type DraftView = Documents<Schemas["DraftView"]>;
export type Submit = Documents<Schemas["Submit"]>;
export type TaskView = Omit<Schemas["TaskView"], "prelabels" | "draft" | "revision"> & {
  prelabels: LabelsDocument[];
  draft: DraftView | null;
  revision: RevisionView | null;
};
export type NextReply = Omit<Schemas["NextReply"], "tasks"> & { tasks: TaskView[] };
export type SubmitReply = Omit<Schemas["SubmitReply"], "next"> & { next?: NextReply | null };
export type SkipCode = NonNullable<Schemas["SkipRequest"]["code"]>;
export type CorrectionCode = NonNullable<Schemas["RevisionView"]["correction"]>;
export type ReopenCode = NonNullable<Schemas["ReopenRequest"]["why"]>;
export type RenewReply = Schemas["RenewReply"];
export type DraftReply = Schemas["DraftReply"];
export type Now = Schemas["Now"];
export type SetAside = Schemas["SetAside"];
export type SkippedItem = Schemas["SkippedItem"];
export type LateWork = Schemas["LateWork"];
export type PersonDraft = Documents<Schemas["PersonDraft"]>;
export type TodayReport = Schemas["Today"];
export type SessionList = Schemas["SessionList"];
export type PrelabelReport = Omit<Schemas["PrelabelReport"], "rows"> & { rows: QualityRow[] };
export type QualityRow = Omit<Schemas["QualityRow"], "edits"> & { edits: Required<Schemas["Edits"]> };
export type Estimate = Schemas["Estimate"];
export type ClassWorth = Schemas["ClassWorth"];
export type UnitCosts = Schemas["UnitCosts"];
export type PrelabelRun = Schemas["PrelabelRun"];
export type RunAsked = Schemas["RunAsked"];
export type RunsReply = Schemas["RunsReply"];
export type ExportAsked = Schemas["ExportAsked"];
export type ExportRun = Schemas["ExportRun"];
export type ExportsReply = Schemas["ExportsReply"];
export type StudyRow = Schemas["StudyRow"];
export type StudyRows = Schemas["StudyRows"];
export type StudyDetail = Schemas["StudyDetail"];
export type StudyVersion = Schemas["StudyVersion"];
export type StudyChange = Schemas["StudyChange"];
export type Overview = Schemas["Overview"];
export type Advice = Schemas["Advice"];
export type FailedJob = Schemas["FailedJob"];
export type FailedJobs = Schemas["FailedJobs"];
export type StorageReply = Schemas["Storage"];
export type DeviceRow = Schemas["DeviceRow"];
export type DeviceRows = Schemas["DeviceRows"];
export type UserRow = Schemas["UserRow"];
export type UserRows = Schemas["UserRows"];
export type TokenRow = Schemas["TokenRow"];
export type TokenRows = Schemas["TokenRows"];
export type ManifestConflict = Schemas["ManifestConflict"];
export type ManifestConflicts = Schemas["ManifestConflicts"];
export type ActivityRequest = Schemas["ActivityRequest"];

/** The waveform of a sound as a stored file (docs/http-api.md): no model of the service, so not in OpenAPI. */
export interface Peaks {
  schema: number;
  samples_per_peak: number;
  sample_rate: number;
  minimum: number[];
  maximum: number[];
}

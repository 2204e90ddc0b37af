/** A change of a study's settings, and the sentence that says what came of it. */
import { useState } from "preact/hooks";
import { api, expectRefusal } from "../../api/client";
import type { StudyChange, StudyRow } from "../../api/types";

interface Changing {
  /** What came of the last change; empty before one. */
  said: string;
  setSaid(said: string): void;
  /** `done` makes the sentence of a change that was made. */
  change(asked: StudyChange, done: (made: StudyRow) => string): Promise<void>;
}

export function useChange(study: string, onChanged: () => void): Changing {
  const [said, setSaid] = useState("");
  const change = async (asked: StudyChange, done: (made: StudyRow) => string): Promise<void> => {
    try {
      setSaid(done(await api.changeStudy(study, asked)));
    } catch (error) {
      expectRefusal(error);
      setSaid(`Nothing was changed: ${error.message}`);
    }
    onChanged();
  };
  return { said, setSaid, change };
}

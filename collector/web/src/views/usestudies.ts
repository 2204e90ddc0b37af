/** The studies of the collector, for choices. */
import { useEffect, useState } from "preact/hooks";
import { api, expectRefusal } from "../api/client";

/** The studies that have sessions here; none while the collector does not say. */
export function useStudies(): readonly string[] {
  const [studies, setStudies] = useState<readonly string[]>([]);
  useEffect(() => {
    let here = true;
    api.sessions().then(
      ({ studies: known }) => {
        if (here) setStudies(known);
      },
      (error: unknown) => {
        // The page says what is wrong with the collector; without the list the choice is every study.
        expectRefusal(error);
      },
    );
    return () => {
      here = false;
    };
  }, []);
  return studies;
}

/** The devices that joined: when each reported last, what waits on it, and taking its access back. */
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { DeviceRow } from "../../api/types";
import { ago, deviceState, size } from "../../model/installation";
import type { Store } from "../../state/store";
import { Confirm } from "../confirm";
import { useRefreshed } from "../userefreshed";
import { LeadCard, LeadTable } from "../leadcard";

const EVERY_MS = 10_000;
const STATES = { revoked: "✕ revoked", silent: "● silent", never: "● not seen yet", well: "✓ reports" } as const;

export function Devices({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.devices, EVERY_MS);
  const [asked, setAsked] = useState<DeviceRow | null>(null);
  const devices = value?.devices ?? [];
  const now = Date.now();
  return (
    <LeadCard id="devices" title="Devices" trouble={trouble}>
      {value && devices.length === 0 && (
        <p class="note">
          No device has joined. <code>gleaner collector join-code</code> prints a code for one.
        </p>
      )}
      {devices.length > 0 && (
        <LeadTable name="Table of devices" columns={["device", "state", "last report", "waits on it", "its disk", "version"]} acts>
          {devices.map((device) => (
            <Device key={device.id} device={device} now={now} onRevoke={() => setAsked(device)} />
          ))}
        </LeadTable>
      )}
      {asked && (
        <Confirm
          question={`Revoke the access of ${asked.name}?`}
          action="Revoke the access"
          refused="The access was not revoked"
          act={() => api.revokeDevice(asked.id)}
          onClose={() => {
            setAsked(null);
            refresh();
          }}
        >
          Its token opens nothing from now on, and an upload under way ends. What it has sent stays; what waits on it
          stays on it. With a new join code it can send again.
        </Confirm>
      )}
    </LeadCard>
  );
}

interface DeviceProps {
  device: DeviceRow;
  now: number;
  onRevoke(): void;
}

function Device({ device, now, onRevoke }: DeviceProps): preact.JSX.Element {
  const state = deviceState(device, now);
  const waiting = device.captures_waiting;
  return (
    <tr class={`device-${state}`} data-device={device.id}>
      <th scope="row" title={device.id}>
        {device.name} <span class="note">{device.model}</span>
      </th>
      <td class="device-state">{STATES[state]}</td>
      <td>{device.last_seen_at ? ago(device.last_seen_at, now) : "never"}</td>
      <td>
        {waiting == null
          ? "unknown"
          : waiting === 0
            ? "nothing"
            : `${waiting.toLocaleString("en")} ${waiting === 1 ? "capture" : "captures"}, ${size(device.bytes_waiting ?? 0)}`}
      </td>
      <td>{device.free_bytes == null ? "unknown" : `${size(device.free_bytes)} free`}</td>
      <td>{device.agent_version ?? "unknown"}</td>
      <td>
        {state !== "revoked" && (
          <button type="button" aria-label={`Revoke the access of ${device.name}`} onClick={onRevoke}>
            Revoke
          </button>
        )}
      </td>
    </tr>
  );
}

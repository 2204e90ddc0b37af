/** What one person may do and what lets them in: their role, sessions of the page, tokens of programs, links. */
import { useCallback, useState } from "preact/hooks";
import { api, expectRefusal } from "../../api/client";
import type { TokenRow, UserRow } from "../../api/types";
import { ACCESS_KINDS, ago, ROLES } from "../../model/installation";
import type { Store } from "../../state/store";
import { Modal } from "../modal";
import { useRefreshed } from "../userefreshed";
import { LeadTable } from "../leadcard";

const EVERY_MS = 10_000;

interface AccessProps {
  store: Store;
  user: UserRow;
  onRevoke(token: TokenRow): void;
  onChanged(): void;
  onClose(): void;
}

export function Access({ store, user, onRevoke, onChanged, onClose }: AccessProps): preact.JSX.Element {
  const ask = useCallback(() => api.userTokens(user.name), [user.name]);
  const { value, trouble } = useRefreshed(store, ask, EVERY_MS);
  const tokens = value?.tokens ?? [];
  return (
    <Modal name={`Access of ${user.name}`} onClose={onClose}>
      <h2 class="big">Access of {user.name}</h2>
      {store.me.role === "lead" ? (
        <RoleOf user={user} onChanged={onChanged} />
      ) : (
        <p class="note">Role: {user.role}. A lead can change it.</p>
      )}
      {trouble && (
        <p class="caveat" role="alert">
          {trouble}
        </p>
      )}
      {value && tokens.length === 0 && <p class="note">Nothing lets {user.name} in at present.</p>}
      {tokens.length > 0 && (
        <LeadTable name={`What lets ${user.name} in`} columns={["what", "made", "last used", "ends"]} acts>
          {tokens.map((token) => (
            <TokenLine key={token.id} token={token} onRevoke={() => onRevoke(token)} />
          ))}
        </LeadTable>
      )}
      <p class="actions">
        <button type="button" data-first onClick={onClose}>
          Close
        </button>
      </p>
    </Modal>
  );
}

function TokenLine({ token, onRevoke }: { token: TokenRow; onRevoke(): void }): preact.JSX.Element {
  const now = Date.now();
  return (
    <tr data-token={token.id}>
      <th scope="row">
        {ACCESS_KINDS[token.kind]} <code class="note">{token.id}</code>
      </th>
      <td>{ago(token.created_at, now)}</td>
      <td>{token.last_used_at ? ago(token.last_used_at, now) : "never"}</td>
      <td>{token.expires_at ? new Date(token.expires_at).toLocaleString() : "when revoked"}</td>
      <td>
        <button type="button" aria-label={`Revoke ${ACCESS_KINDS[token.kind]} ${token.id}`} onClick={onRevoke}>
          Revoke
        </button>
      </td>
    </tr>
  );
}

function RoleOf({ user, onChanged }: { user: UserRow; onChanged(): void }): preact.JSX.Element {
  const [role, setRole] = useState(user.role);
  const [said, setSaid] = useState("");
  const change = async (): Promise<void> => {
    try {
      await api.changeRole(user.name, role);
      setSaid(`${user.name} is ${role === "lead" ? "a lead" : `an ${role}`} now.`);
      onChanged();
    } catch (error) {
      expectRefusal(error);
      setSaid(error.message);
    }
  };
  return (
    <div class="role-of">
      <label>
        Role{" "}
        <select value={role} onChange={(event) => setRole(event.currentTarget.value)}>
          {ROLES.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={role === user.role} onClick={() => void change()}>
        Change the role
      </button>
      <span class="note told" role="status">
        {said}
      </span>
    </div>
  );
}

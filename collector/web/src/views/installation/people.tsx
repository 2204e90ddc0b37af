/** Who may sign in: what each person may do, what lets them in, and taking that back. */
import { useCallback, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { TokenRow, UserRow } from "../../api/types";
import { ago } from "../../model/installation";
import type { Store } from "../../state/store";
import { Confirm } from "../confirm";
import { Access } from "./access";
import { useRefreshed } from "../userefreshed";
import { LeadCard, LeadTable } from "../leadcard";

const EVERY_MS = 30_000;

type Asked =
  | { what: "access"; user: UserRow }
  | { what: "disable"; user: UserRow }
  | { what: "enable"; user: UserRow }
  | { what: "revoke"; user: UserRow; token: TokenRow };

export function People({ store }: { store: Store }): preact.JSX.Element {
  const { value, trouble, refresh } = useRefreshed(store, api.users, EVERY_MS);
  const [asked, setAsked] = useState<Asked | null>(null);
  const users = value?.users ?? [];
  const close = useCallback(() => {
    setAsked(null);
    refresh();
  }, [refresh]);
  return (
    <LeadCard id="people" title="People" trouble={trouble}>
      {users.length > 0 && (
        <LeadTable name="Table of people" columns={["person", "role", "studies", "state"]} acts>
          {users.map((user) => (
            <Row key={user.name} user={user} onAsk={(what) => setAsked({ what, user })} />
          ))}
        </LeadTable>
      )}
      <p class="note">
        <code>gleaner collector user add</code> adds a person, <code>gleaner collector user link</code> prints a new
        sign-in link.
      </p>
      {asked?.what === "access" && (
        <Access
          store={store}
          user={users.find((user) => user.name === asked.user.name) ?? asked.user}
          onRevoke={(token) => setAsked({ what: "revoke", user: asked.user, token })}
          onChanged={refresh}
          onClose={close}
        />
      )}
      {asked && <Question asked={asked} onClose={close} onBack={(user) => setAsked({ what: "access", user })} />}
    </LeadCard>
  );
}

interface RowProps {
  user: UserRow;
  onAsk(what: "access" | "disable" | "enable"): void;
}

function Row({ user, onAsk }: RowProps): preact.JSX.Element {
  const isDisabled = user.disabled_at !== null;
  return (
    <tr class={isDisabled ? "person-disabled" : undefined} data-person={user.name}>
      <th scope="row">{user.name}</th>
      <td>{user.role}</td>
      <td>{user.studies ? user.studies.join(", ") : "every study"}</td>
      <td>{user.disabled_at ? `✕ disabled ${ago(user.disabled_at, Date.now())}` : "✓ may sign in"}</td>
      <td>
        <span class="row-actions">
          <button type="button" aria-label={`Access of ${user.name}`} onClick={() => onAsk("access")}>
            Access
          </button>
          <button
            type="button"
            aria-label={`${isDisabled ? "Enable" : "Disable"} ${user.name}`}
            onClick={() => onAsk(isDisabled ? "enable" : "disable")}
          >
            {isDisabled ? "Enable" : "Disable"}
          </button>
        </span>
      </td>
    </tr>
  );
}

interface QuestionProps {
  asked: Asked;
  onClose(): void;
  onBack(user: UserRow): void;
}

function Question({ asked, onClose, onBack }: QuestionProps): preact.JSX.Element | null {
  const { name } = asked.user;
  switch (asked.what) {
    case "access":
      return null;
    case "disable":
      return (
        <Confirm
          question={`Disable ${name}?`}
          action="Disable the account"
          refused="The account was not disabled"
          act={() => api.disableUser(name)}
          onClose={onClose}
        >
          Every session, link and token of theirs ends at once. Items that they hold go back to the queue; drafts and
          finished work stay. The account can be enabled again, and then needs a new link.
        </Confirm>
      );
    case "enable":
      return (
        <Confirm
          question={`Enable ${name} again?`}
          action="Enable the account"
          refused="The account was not enabled"
          act={() => api.enableUser(name)}
          onClose={onClose}
        >
          What let them in before stays ended: <code>gleaner collector user link {name}</code> prints a new link.
        </Confirm>
      );
    case "revoke":
      return (
        <Confirm
          question={`Revoke this access of ${name}?`}
          action="Revoke it"
          refused="It was not revoked"
          act={() => api.revokeUserToken(name, asked.token.id)}
          onClose={() => onBack(asked.user)}
        >
          It opens nothing from now on.{" "}
          {asked.token.kind === "api"
            ? "Programs that use it are refused until they get another one."
            : "With another link they can sign in again."}
        </Confirm>
      );
  }
}

// A certified OpenID Connect provider for tests/web/test_oidc.py: node provider.mjs PORT REDIRECT_URI AFTER_SIGN_OUT.
// Whoever types a name is that person; "GROUPS" by name are below.
import { Provider } from "oidc-provider";

const [port, back, after] = process.argv.slice(2);
const GROUPS = {
  eva: ["readers"],
  boss: ["readers", "heads"],
  tim: ["technicians"],
  guest: ["cleaners"],
  "ev\u0430": ["readers"],
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: "neurotriage",
    client_secret: "a secret of the tests",
    redirect_uris: [back],
    post_logout_redirect_uris: [after],
  }],
  claims: { openid: ["sub", "auth_time"], profile: ["name", "preferred_username"], groups: ["groups"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["of the tests"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `Dr. ${id[0].toUpperCase()}${id.slice(1)}`, preferred_username: id, groups: GROUPS[id] ?? [] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));

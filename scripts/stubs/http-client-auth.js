// Stands in for @actions/http-client/lib/auth; see http-client.js.
export class BearerCredentialHandler {
  constructor() {
    throw new Error('This bundle has no HTTP client: OIDC tokens are not available.');
  }
}

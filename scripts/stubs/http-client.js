// Stands in for @actions/http-client, which only OIDC tokens need and which is nine tenths of the bundle.
export class HttpClient {
  constructor() {
    throw new Error('This bundle has no HTTP client: OIDC tokens are not available.');
  }
}

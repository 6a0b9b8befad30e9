/**
 * The emulators' own address for `https://<id>.execute-api.<region>.amazonaws.com/<path>` and for function URLs,
 * whose hosts are AWS's, or names that resolve only where somebody's name server is asked, such as LocalStack's
 * `<id>.execute-api.localhost.localstack.cloud`. MiniStack and LocalStack have the same path for it. Any other URL is
 * returned as it is.
 *
 * @see https://docs.localstack.cloud/aws/services/apigateway/
 */
export function localUrl(endpoint: string, deployedUrl: string): string {
  const { hostname, pathname, search } = new URL(deployedUrl);
  const [id, service] = hostname.split('.');
  // Names below `localhost` resolve in browsers, and nowhere else for certain.
  const elsewhere = /\.(amazonaws\.com(\.cn)?|on\.aws|localhost(\.localstack\.cloud)?)$/.test(hostname);
  if (!elsewhere || (service !== 'execute-api' && service !== 'lambda-url')) return deployedUrl;
  return `${endpoint}/_aws/${service}/${id ?? ''}${pathname}${search}`;
}

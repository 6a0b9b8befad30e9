import { apiSettings, httpApiHandler, idempotentApi, s3Responses } from 'exactly-once-aws/api';

const settings = apiSettings(process.env);

export const handler = httpApiHandler(
  idempotentApi({
    settings,
    responses: s3Responses({ bucket: settings.responseBucket }),
    handle: () => ({ status: 200, body: {} }),
  }),
);

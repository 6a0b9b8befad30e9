import { restApiHandler } from '../../../runtime/api/index.js';
import { payApi } from './pay.js';

export const handler = restApiHandler(payApi());

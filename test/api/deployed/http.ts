import { httpApiHandler } from '../../../runtime/api/index.js';
import { payApi } from './pay.js';

export const handler = httpApiHandler(payApi());

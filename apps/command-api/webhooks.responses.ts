import * as json from '#http/json-schema';
import type { WebhookCounts } from './webhook-intake.js';

export const webhookResponse = json.component(
  'WebhookAnswer',
  json.described(
    json.object<WebhookCounts>({
      recorded: json.count('Items recorded.'),
      duplicate: json.count('Items that had been recorded before.'),
      ignored: json.count('Items of kinds that are not recorded.'),
      invalid: json.count('Items that are malformed.'),
    }),
    'Number of items in the webhook by outcome.',
  ),
);

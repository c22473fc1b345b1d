import * as json from '#http/json-schema';
import { leadRef } from '#http/resources/lead.schema';
import { commandFields } from './command.responses.js';

export const leadFields = { lead: leadRef, ...commandFields } satisfies json.Fields;

export const leadResponse = json.component('LeadAnswer', json.object(leadFields));

export const statusResponse = json.component(
  'StatusAnswer',
  json.object({
    ...leadFields,
    cancelledFollowUps: json.count('Number of open follow-ups that were cancelled because the lead became inactive.'),
  }),
);

export const qualificationResponse = json.component(
  'QualificationAnswer',
  json.object({
    ...leadFields,
    accepted: json.boolean(
      'Whether the result was accepted as the score. False if the score is pinned, if the lead is inactive, or if a result based on a newer interaction was accepted before.',
    ),
  }),
);

export const messageResponse = json.component(
  'MessageAnswer',
  json.object({ ...leadFields, messageId: json.string('ID of the recorded message.') }),
);

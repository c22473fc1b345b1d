import * as json from '#http/json-schema';
import { leadRef } from '#http/resources/lead.schema';
import { eventRef } from './events.responses.js';
import { page } from './page.responses.js';

export const leadPage = json.component('LeadPage', page(leadRef));

export const leadReplayPage = json.component(
  'LeadReplay',
  page(json.object({ event: eventRef, lead: json.described(leadRef, 'The lead as it was after the event.') })),
);

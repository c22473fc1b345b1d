import * as json from '#http/json-schema';
import { leadRef } from '#http/resources/lead.schema';
import { commandFields } from './command.responses.js';

export const interactionResponse = json.component(
  'InteractionAnswer',
  json.object({
    interactionId: json.string('Unique identifier of the interaction.'),
    leadId: json.nullable(
      json.string('ID of the lead that the interaction belongs to. Null for an opt-out of a contact without leads.'),
    ),
    leadCreated: json.boolean('Whether the interaction created the lead.'),
    lead: json.nullable(leadRef),
    ...commandFields,
    version: json.nullable(json.positiveInteger('Version of the lead. Null if there is no lead.')),
  }),
);

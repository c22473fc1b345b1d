import type { FollowUpResource } from '#resources/follow-up.resource';
import * as json from '../json-schema.js';
import { agentReference } from './agent.schema.js';

export const followUpRef = json.component(
  'FollowUp',
  json.object<FollowUpResource>({
    id: json.string('Unique identifier of the follow-up.'),
    leadId: json.string('ID of the lead that the follow-up belongs to.'),
    contactId: json.string('ID of the contact to follow up with.'),
    dueAt: json.timestamp('Time at which the follow-up is due.'),
    assignee: json.described(agentReference, 'Agent responsible for the follow-up. Null if there is none.'),
    note: json.nullable(json.string('Note about the follow-up.')),
    state: json.enumOf(['open', 'completed', 'cancelled'], 'State of the follow-up.'),
    overdue: json.boolean('Whether the follow-up is open and its due time has passed.'),
    createdAt: json.timestamp('Time at which the follow-up was created.'),
    closedAt: json.nullable(json.timestamp('Time at which the follow-up was completed or cancelled.')),
    closedReason: json.nullable(json.string('Reason why the follow-up was closed.')),
  }),
);

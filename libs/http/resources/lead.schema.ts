import type { LeadResource } from '#resources/lead.resource';
import { channels } from '#domain/vocabulary';
import { originKinds, statuses, type Factor, type Origin } from '#domain/lead/lead.vocabulary';
import type { Qualification, Suggestion } from '#domain/lead/lead.state';
import * as json from '../json-schema.js';
import { agentReference } from './agent.schema.js';
import { campaign } from './broadcast.schema.js';

const factors = json.array(
  json.object<Factor>({
    label: json.string('What the model observed.'),
    weight: json.number('How much the observation raised or lowered the score.'),
  }),
  'Observations behind the score.',
);

const suggestion = json.object<Suggestion>({
  score: json.score('Suggested score.'),
  model: json.string('Name of the model.'),
  modelVersion: json.nullable(json.string('Version of the model.')),
  rationale: json.nullable(json.string("The model's explanation.")),
  factors,
  suggestedAt: json.timestamp('Time at which the score was suggested.'),
});

const qualification = json.object<Qualification>({
  score: json.nullable(json.score('Score from 0 to 100; higher is more promising. Null if the lead was never scored.')),
  source: json.nullable(json.enumOf(['ai', 'manual'], 'Whether a model or a person set the score.')),
  pinned: json.boolean('Whether the score was set manually. AI results do not change a pinned score.'),
  model: json.nullable(json.string('Name of the model that set the score.')),
  modelVersion: json.nullable(json.string('Version of the model.')),
  rationale: json.nullable(json.string("The model's explanation of the score.")),
  factors,
  scoredAt: json.nullable(json.timestamp('Time at which the score was set.')),
  suggestion: json.described(json.nullable(suggestion), 'Latest AI result while the score is pinned.'),
});

export const leadRef = json.component(
  'Lead',
  json.object<LeadResource>({
    id: json.string('Unique identifier of the lead.'),
    contactId: json.string('ID of the contact that the lead belongs to.'),
    ordinal: json.positiveInteger("Number of the lead among the contact's leads, from 1."),
    previousLeadId: json.nullable(json.string("ID of the contact's previous lead.")),
    contact: json.object<LeadResource['contact']>({
      name: json.nullable(json.string('Name of the contact.')),
      phone: json.nullable(json.string('Phone number of the contact.')),
      email: json.nullable(json.string('Email address of the contact.')),
    }),
    channel: json.nullable(json.enumOf(channels, 'Channel that the lead came through.')),
    origin: json.object<Origin>({
      kind: json.enumOf(originKinds, 'What created the lead.'),
      attribution: json.enumOf(
        ['exact', 'window', 'none'],
        'How the lead was attributed to a broadcast: `exact` if the contact replied to one of its messages, `window` if the contact wrote within the attribution window, `none` otherwise.',
      ),
      broadcastId: json.nullable(json.string('ID of the broadcast that the lead is attributed to.')),
      campaign: json.nullable(campaign),
      interactionId: json.nullable(
        json.string('ID of the interaction that created the lead. Null if it was created manually.'),
      ),
    }),
    status: json.enumOf(statuses, 'Status of the lead. `converted`, `lost` and `archived` are final.'),
    active: json.boolean('Whether the lead is active, that is, its status is not final.'),
    statusChangedAt: json.timestamp('Time of the latest status change.'),
    closedAt: json.nullable(json.timestamp('Time at which the lead became inactive.')),
    reason: json.nullable(json.string('Reason given for the latest status change.')),
    qualification,
    agent: json.described(agentReference, 'Agent assigned to the lead. Null if the lead is unassigned.'),
    assignedAt: json.nullable(json.timestamp('Time at which the agent was assigned.')),
    followUps: json.object<LeadResource['followUps']>({
      open: json.count('Number of open follow-ups.'),
      nextDueAt: json.nullable(json.timestamp('Due time of the next open follow-up.')),
      nextId: json.nullable(json.string('ID of the next open follow-up.')),
    }),
    lastInteractionAt: json.nullable(json.timestamp('Time of the latest interaction of the contact on this lead.')),
    createdAt: json.timestamp('Time at which the lead was created.'),
    updatedAt: json.timestamp('Time at which the lead was last changed.'),
    version: json.positiveInteger('Number of events of the lead. Use it in `If-Match`.'),
    actions: json.described(
      json.object<LeadResource['actions']>({
        changeStatus: json.boolean(),
        assign: json.boolean(),
        createFollowUp: json.boolean(),
        viewHistory: json.boolean(),
        openChat: json.boolean(),
      }),
      'Actions that the lead allows now.',
    ),
  }),
);

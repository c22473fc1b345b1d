import type { AgentReference } from '#resources/agent-reference';
import * as json from '../json-schema.js';

export const agentReference = json.nullable(
  json.object<AgentReference>({
    id: json.string('ID of the agent.'),
    name: json.nullable(json.string('Name of the agent. Null until the name is known.')),
  }),
);

export const agentRef = json.component(
  'Agent',
  json.object({
    id: json.string('Unique identifier of the agent.'),
    name: json.string('Name of the agent.'),
    email: json.nullable(json.string('Email address of the agent.')),
    capacity: json.nullable(
      json.count('Maximum number of active leads that automatic assignment gives the agent. Null for no limit.'),
    ),
    active: json.boolean('Whether leads can be assigned to the agent.'),
    activeLeads: json.nullable(
      json.count(
        'Number of active leads assigned to the agent. Null in responses to commands, which do not count them.',
      ),
    ),
    createdAt: json.timestamp('Time at which the agent was registered.'),
  }),
);

import * as json from '#http/json-schema';
import { agentRef } from '#http/resources/agent.schema';
import { commandFields } from './command.responses.js';

export const agentResponse = json.component('AgentAnswer', json.object({ agent: agentRef, ...commandFields }));

import * as json from '#http/json-schema';
import { agentRef } from '#http/resources/agent.schema';
import { page } from './page.responses.js';

export const agentPage = json.component('AgentPage', page(agentRef));

import * as json from '#http/json-schema';
import { followUpRef } from '#http/resources/follow-up.schema';
import { leadFields } from './leads.responses.js';

export const followUpResponse = json.component('FollowUpAnswer', json.object({ ...leadFields, followUp: followUpRef }));

import * as json from '#http/json-schema';
import { followUpRef } from '#http/resources/follow-up.schema';
import { page } from './page.responses.js';

export const followUpPage = json.component('FollowUpPage', page(followUpRef));

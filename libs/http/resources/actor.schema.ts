import type { Actor } from '#domain/event-envelope';
import * as json from '../json-schema.js';

/** Who caused a change. */
export const actorFields: json.Fields<Actor> = {
  type: json.enumOf(['agent', 'service', 'ai', 'system'], 'Type of the actor.'),
  id: json.string('ID of the actor within its type.'),
};

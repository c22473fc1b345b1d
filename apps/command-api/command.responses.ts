import * as json from '#http/json-schema';

export const position = json.position('Log position of the change. Pass it as `after` to read your own write.');

/** The fields that the response of every command on one resource has. */
export const commandFields = {
  changed: json.boolean('Whether the command changed anything.'),
  version: json.positiveInteger('Version of the resource after the command.'),
  position,
} satisfies json.Fields;

import { type Campaign, channels } from '#domain/vocabulary';
import type { Template } from '#domain/broadcast/broadcast.events';
import * as json from '../json-schema.js';

export const campaign = json.object<Campaign>({
  id: json.string('ID of the campaign.'),
  name: json.string('Name of the campaign.'),
});

export const templateFields: json.Fields<Omit<Template, 'body'>> = {
  name: json.string('Name of the template.'),
  language: json.string('Language of the template.'),
  category: json.nullable(json.string('Category of the template.')),
};

export const broadcastRef = json.component(
  'Broadcast',
  json.object({
    id: json.string('Unique identifier of the broadcast.'),
    name: json.string('Name of the broadcast.'),
    channel: json.enumOf(channels, 'Channel that the broadcast is sent through.'),
    campaign,
    template: json.object<Template>({ ...templateFields, body: json.nullable(json.string('Text of the template.')) }),
    createdAt: json.timestamp('Time at which the broadcast was created.'),
    counters: json.described(
      json.object({
        recipients: json.count('Recipients of the broadcast.'),
        sent: json.count('Recipients whose message was sent.'),
        delivered: json.count('Recipients whose message was delivered.'),
        read: json.count('Recipients who read their message.'),
        failed: json.count('Recipients whose message failed.'),
        replied: json.count('Recipients who replied.'),
      }),
      'Number of recipients in each state. A recipient counts once per state: `read` is part of `delivered`, which is part of `sent`.',
    ),
  }),
);

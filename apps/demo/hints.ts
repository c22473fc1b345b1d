import type { LeadResource } from '#resources/lead.resource';
import type { Step } from './life-simulator.js';
import type { SentLife } from './sender.js';
import type { ServiceClient } from './service-client.js';

/** Removes accents and capitals, as people do when they type a name. The search still finds it. */
const withoutAccents = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
const wordAt =
  (index: number) =>
  (name: string): string =>
    name.split(' ')[index] ?? name;

const searches: readonly (readonly [language: string, toQuery: (name: string) => string])[] = [
  ['fr', withoutAccents],
  ['ru', wordAt(1)],
  ['ar', wordAt(0)],
  ['hi', wordAt(0)],
  ['ja', wordAt(0)],
];

/** Formats requests that can be pasted into a shell, with ids that exist. */
export async function formatHints(service: ServiceClient, lives: readonly SentLife[], after: string): Promise<string> {
  const leads = lives.flatMap(({ lead }) => lead ?? []);
  const count = async (query: string): Promise<string> => {
    const { body } = await service.send({ method: 'GET', path: `/v1/leads?limit=1&count=true&after=${after}${query}` });
    return Number(body['total']).toLocaleString('en');
  };
  const url = `${service.url}/v1`;
  const lines = [
    `There are ${await count('')} leads now, ${await count('&active=true')} of them active. Try these requests:`,
  ];
  const hint = (title: string, request: string): void => {
    lines.push('', `  ${title}`, `    ${request}`);
  };

  const longestHistory = maxBy(leads, (lead) => lead.version);
  if (longestHistory)
    hint(
      `A lead with ${longestHistory.version} events, oldest first`,
      `curl -s '${url}/leads/${longestHistory.id}/history?order=asc'`,
    );
  const returned = maxBy(leads, (lead) => lead.ordinal);
  if (returned)
    hint(
      `A contact that came back: ${returned.ordinal} leads in one timeline`,
      `curl -s '${url}/contacts/${returned.contactId}/history'`,
    );
  const failed = lives.find(({ steps, lead }) => lead && steps.some(({ command }) => isFailure(command)));
  if (failed)
    hint(
      'Delivery timelines of the broadcast messages to a lead, including failures',
      `curl -s '${url}/leads/${failed.lead?.id}/broadcasts'`,
    );
  hint('The campaigns, with deliveries, reads and replies', `curl -s '${url}/broadcasts'`);
  const inactive = leads.find((lead) => !lead.active);
  const agent = leads.find((lead) => lead.active && lead.agent)?.agent;
  if (inactive && agent)
    hint(
      `A lead that is ${inactive.status}: it cannot be assigned`,
      `curl -s '${url}/leads/${inactive.id}/assignment' -H 'content-type: application/json' -d '{"agentId":"${agent.id}"}'`,
    );
  if (agent)
    hint(`The active leads of ${agent.name}`, `curl -s '${url}/leads?active=true&agentId=${agent.id}&count=true'`);
  hint('All agents, with the number of their active leads', `curl -s '${url}/agents'`);
  hint(
    'Leads with an overdue follow-up, the longest overdue first',
    `curl -s '${url}/leads?followUpDue=overdue&sort=nextFollowUpAt'`,
  );
  hint('Follow-ups that are due today', `curl -s '${url}/follow-ups?due=today'`);
  hint('The leads with the highest scores', `curl -s '${url}/leads?active=true&sort=-score&limit=10'`);
  for (const [language, toQuery] of searches) {
    const person = lives.find((life) => life.person.language === language && life.lead)?.person;
    if (person)
      hint(`Search for ${person.name}`, `curl -sG '${url}/leads' --data-urlencode 'q=${toQuery(person.name)}'`);
  }
  const phone = leads.find((lead) => lead.contact.phone)?.contact.phone;
  if (phone) hint('Search by the last digits of a phone number', `curl -s '${url}/leads?q=${phone.slice(-6)}'`);
  return lines.join('\n');
}

const isFailure = (command: Step['command']): boolean =>
  command.type === 'ReceiveReceipts' && command.receipts.some((receipt) => receipt.status === 'failed');

/** Returns the lead with the highest value; the first of several. */
function maxBy(leads: readonly LeadResource[], valueOf: (lead: LeadResource) => number): LeadResource | undefined {
  return leads.reduce<LeadResource | undefined>(
    (best, lead) => (best && valueOf(best) >= valueOf(lead) ? best : lead),
    undefined,
  );
}

import type { LeadResource } from '#domain/lead/lead.shown';
import type { Step } from './demo.life.js';
import type { SentLife } from './demo.sender.js';
import type { ServiceClient } from './service-client.js';

/** People often leave accents and capitals out: the search does not mind. */
const typed = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

const searched: readonly (readonly [language: string, as: (name: string) => string])[] = [
  ['fr', typed],
  ['ru', (name) => name.split(' ')[1] ?? name],
  ['ar', (name) => name.split(' ')[0] ?? name],
  ['hi', (name) => name.split(' ')[0] ?? name],
  ['ja', (name) => name.split(' ')[0] ?? name],
];

/** Requests worth making, ready to paste, with ids that are there. */
export async function formatHints(service: ServiceClient, lived: readonly SentLife[], after: string): Promise<string> {
  const leads = lived.flatMap(({ lead }) => lead ?? []);
  const count = async (query: string): Promise<string> => {
    const { body } = await service.send({ method: 'GET', path: `/v1/leads?limit=1&count=true&after=${after}${query}` });
    return Number(body['total']).toLocaleString('en');
  };
  const url = `${service.url}/v1`;
  const lines = [`There are ${await count('')} leads now, ${await count('&active=true')} of them active. To look at:`];
  const hint = (what: string, request: string): void => void lines.push('', `  ${what}`, `    ${request}`);

  const longest = mostOf(leads, (lead) => lead.version);
  if (longest) {
    hint(
      `A lead with ${longest.version} events, oldest first`,
      `curl -s '${url}/leads/${longest.id}/history?order=asc'`,
    );
  }
  const returned = mostOf(leads, (lead) => lead.ordinal);
  if (returned)
    hint(
      `A contact that came back: ${returned.ordinal} leads in one timeline`,
      `curl -s '${url}/contacts/${returned.contactId}/history'`,
    );
  const failed = lived.find(({ steps, lead }) => lead && steps.some(({ command: ask }) => isFailure(ask)));
  if (failed)
    hint(
      'Delivery timelines: what became of each broadcast message, also of those that failed',
      `curl -s '${url}/leads/${failed.lead?.id}/broadcasts'`,
    );
  hint('The campaigns, with how many got, read and answered them', `curl -s '${url}/broadcasts'`);
  const inactive = leads.find((lead) => !lead.active);
  const agent = leads.find((lead) => lead.active && lead.agent)?.agent;
  if (inactive && agent)
    hint(
      `A lead that is ${inactive.status}: assigning it is refused`,
      `curl -s '${url}/leads/${inactive.id}/assignment' -H 'content-type: application/json' -d '{"agentId":"${agent.id}"}'`,
    );
  if (agent)
    hint(`The active leads of ${agent.name}`, `curl -s '${url}/leads?active=true&agentId=${agent.id}&count=true'`);
  hint('All agents, with the number of their active leads', `curl -s '${url}/agents'`);
  hint(
    'Leads with an overdue follow-up, the longest overdue first',
    `curl -s '${url}/leads?followUpDue=overdue&sort=nextFollowUpAt'`,
  );
  hint('What is due today', `curl -s '${url}/follow-ups?due=today'`);
  hint('The most promising ones', `curl -s '${url}/leads?active=true&sort=-score&limit=10'`);
  for (const [language, as] of searched) {
    const person = lived.find((it) => it.person.language === language && it.lead)?.person;
    if (person) hint(`Searching for ${person.name}`, `curl -sG '${url}/leads' --data-urlencode 'q=${as(person.name)}'`);
  }
  const reachable = leads.find((lead) => lead.contact.phone)?.contact.phone;
  if (reachable) hint('A phone by its last digits', `curl -s '${url}/leads?q=${reachable.slice(-6)}'`);
  return lines.join('\n');
}

const isFailure = (ask: Step['command']): boolean =>
  ask.type === 'ReceiveReceipts' && ask.receipts.some((it) => it.status === 'failed');

function mostOf(leads: readonly LeadResource[], of: (lead: LeadResource) => number): LeadResource | undefined {
  return leads.reduce<LeadResource | undefined>(
    (best, lead) => (best && of(best) >= of(lead) ? best : lead),
    undefined,
  );
}

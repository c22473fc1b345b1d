import { Random } from '#apps/demo/random';
import { agentCount, agentId } from './contact-generator.js';
import type { HttpCall, LoadClient } from './load-client.js';

/** Out of 100 commands. */
const mix = {
  writesAgain: 30,
  writesFirst: 20,
  changeStatus: 20,
  createLead: 10,
  assignAgent: 10,
  createFollowUp: 10,
};
const statuses = ['contacted', 'qualifying', 'qualified'];
/** Leads that are worked on at the same time: each new one takes the place of an old one. */
const most = 5_000;

interface Known {
  readonly id: string;
  readonly contactId: string;
  moves: number;
}

/** What people and their leads do all day, as calls of the API. The leads are those that the service tells of. */
export class CommandGenerator {
  private readonly known: Known[] = [];
  private readonly chance: Random;
  private made = 0;

  /** `name` keeps the contacts of one run apart from those of another on the same data. */
  constructor(
    private readonly name: string,
    seed = 1,
  ) {
    this.chance = new Random(seed);
  }

  /** The agents, and enough leads to begin with. */
  async prepare(client: LoadClient): Promise<void> {
    for (let nth = 0; nth < agentCount; nth++) {
      const body = JSON.stringify({ id: agentId(nth), name: `Agent ${nth + 1}` });
      await client.call({ path: '/v1/agents', body, allowsError: true });
    }
    for (let nth = 0; nth < 100; nth++) await client.call(this.writesFirst());
  }

  readonly next = (): HttpCall => {
    switch (this.chance.pickWeighted(mix)) {
      case 'writesAgain':
        return this.writes(this.lead().contactId);
      case 'writesFirst':
        return this.writesFirst();
      case 'createLead':
        return this.opening('/v1/leads', { contactId: this.newContact(), ...this.profile(), note: 'Called the shop' });
      case 'changeStatus': {
        const lead = this.lead();
        return post(`/v1/leads/${lead.id}/status`, { status: statuses[lead.moves++ % statuses.length] });
      }
      case 'assignAgent':
        return post(`/v1/leads/${this.lead().id}/assignment`, { agentId: agentId(this.chance.int(0, agentCount - 1)) });
      case 'createFollowUp': {
        const dueAt = new Date(Date.now() + 86_400_000).toISOString();
        return post(`/v1/leads/${this.lead().id}/follow-ups`, { dueAt, note: 'Ask for the size' });
      }
    }
  };

  private lead(): Known {
    return this.known[this.chance.int(0, this.known.length - 1)]!;
  }

  private writes(contactId: string): HttpCall {
    return post('/v1/interactions', this.interaction(contactId));
  }

  private writesFirst(): HttpCall {
    return this.opening('/v1/interactions', { ...this.interaction(this.newContact()), ...this.profile() });
  }

  private opening(path: string, body: object): HttpCall {
    return {
      ...post(path, body),
      onResponse: ({ text }) => {
        const [, id, contactId] = /"lead":\{"id":"([^"]+)","contactId":"([^"]+)"/.exec(text) ?? [];
        if (!id || !contactId) return;
        const lead = { id, contactId, moves: 0 };
        if (this.known.length < most) this.known.push(lead);
        else this.known[this.made % most] = lead;
      },
    };
  }

  private interaction(contactId: string): object {
    const messageId = `${this.name}-${++this.made}`;
    return { contactId, channel: 'whatsapp', kind: 'chat', messageId, text: 'Do you still have the blue city bike?' };
  }

  private profile(): object {
    const nr = String(this.made % 10_000_000).padStart(7, '0');
    return { profile: { name: `Sample Person ${nr}`, phone: `+44000${nr}` } };
  }

  private newContact(): string {
    return `${this.name}-contact-${++this.made}`;
  }
}

const post = (path: string, body: object): HttpCall => ({ path, body: JSON.stringify(body) });

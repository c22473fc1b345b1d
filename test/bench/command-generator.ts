import { Random } from '#apps/demo/random';
import { agentCount, agentId } from './contact-generator.js';
import type { HttpCall, LoadClient } from './load-client.js';

/** Out of 100 commands. */
const commandMix = {
  messageOfKnownContact: 30,
  messageOfNewContact: 20,
  changeStatus: 20,
  createLead: 10,
  assignAgent: 10,
  createFollowUp: 10,
};
const statuses = ['contacted', 'qualifying', 'qualified'];
/** Leads that commands choose from. Beyond that, each new lead replaces an old one. */
const maxKnownLeads = 5_000;

interface WorkedLead {
  readonly id: string;
  readonly contactId: string;
  statusChanges: number;
}

/** Generates calls of the API as contacts and agents cause them. It learns the leads from the responses. */
export class CommandGenerator {
  private readonly leads: WorkedLead[] = [];
  private readonly random: Random;
  private created = 0;

  /** `name` separates the contacts of one run from those of another run on the same data. */
  constructor(
    private readonly name: string,
    seed = 1,
  ) {
    this.random = new Random(seed);
  }

  /** Registers the agents and creates 100 leads. */
  async prepare(client: LoadClient): Promise<void> {
    for (let index = 0; index < agentCount; index++) {
      const body = JSON.stringify({ id: agentId(index), name: `Agent ${index + 1}` });
      await client.call({ path: '/v1/agents', body, allowsError: true });
    }
    for (let count = 0; count < 100; count++) await client.call(this.messageOfNewContact());
  }

  readonly next = (): HttpCall => {
    switch (this.random.pickWeighted(commandMix)) {
      case 'messageOfKnownContact':
        return post('/v1/interactions', this.interaction(this.pickLead().contactId));
      case 'messageOfNewContact':
        return this.messageOfNewContact();
      case 'createLead': {
        const contactId = this.newContactId();
        return this.createsLead('/v1/leads', { contactId, ...this.profile(), note: 'Called the shop' });
      }
      case 'changeStatus': {
        const lead = this.pickLead();
        return post(`/v1/leads/${lead.id}/status`, { status: statuses[lead.statusChanges++ % statuses.length] });
      }
      case 'assignAgent': {
        const lead = this.pickLead();
        return post(`/v1/leads/${lead.id}/assignment`, { agentId: agentId(this.random.int(0, agentCount - 1)) });
      }
      case 'createFollowUp': {
        const dueAt = new Date(Date.now() + 86_400_000).toISOString();
        return post(`/v1/leads/${this.pickLead().id}/follow-ups`, { dueAt, note: 'Ask for the size' });
      }
    }
  };

  private pickLead(): WorkedLead {
    return this.leads[this.random.int(0, this.leads.length - 1)]!;
  }

  private messageOfNewContact(): HttpCall {
    return this.createsLead('/v1/interactions', { ...this.interaction(this.newContactId()), ...this.profile() });
  }

  /** A call whose response names the new lead. */
  private createsLead(path: string, body: object): HttpCall {
    return {
      ...post(path, body),
      onResponse: ({ text }) => {
        const [, id, contactId] = /"lead":\{"id":"([^"]+)","contactId":"([^"]+)"/.exec(text) ?? [];
        if (!id || !contactId) return;
        const lead = { id, contactId, statusChanges: 0 };
        if (this.leads.length < maxKnownLeads) this.leads.push(lead);
        else this.leads[this.created % maxKnownLeads] = lead;
      },
    };
  }

  private interaction(contactId: string): object {
    const messageId = `${this.name}-${++this.created}`;
    return { contactId, channel: 'whatsapp', kind: 'chat', messageId, text: 'Do you still have the blue city bike?' };
  }

  private profile(): object {
    const number = String(this.created % 10_000_000).padStart(7, '0');
    return { profile: { name: `Sample Person ${number}`, phone: `+44000${number}` } };
  }

  private newContactId(): string {
    return `${this.name}-contact-${++this.created}`;
  }
}

const post = (path: string, body: object): HttpCall => ({ path, body: JSON.stringify(body) });

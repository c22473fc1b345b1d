import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { contactKeyOf } from '#commands/ids';
import { IdKey } from '#commands/id-key';
import { eventTypes } from '#domain/door';
import { Http, type Exchange } from '#http/exchange';
import { IsInstant, IsOneOf, IsPlain, IsSomeOf, listed, Optional } from '#http/fields';
import { instantOf } from '#http/instant';
import { Lists } from '#http/openapi.decorators';
import { ListQuery, nextCursor, pageOf, totalOf, type PageRequest } from '#http/paging';
import { Problem } from '#http/problem';
import { Reading } from '#http/reading';
import { Authenticator } from '#http/request';
import { leadHistory } from '#projections/lead-history/lead-history.projection';
import {
  countHistory,
  history,
  knowsContact,
  pastLeads,
  type HistoryFilter,
  type Entry,
} from '#projections/lead-history/lead-history.query';
import type { Page } from '#projections/page';
import type { ViewReader } from '#read-model/view-store';

export class HistoryQuery extends ListQuery {
  @Optional() @IsOneOf(['asc', 'desc']) readonly order?: string;
  @Optional() @IsSomeOf(eventTypes) readonly type?: string;
  @Optional() @IsPlain('`<type>:<id>`, or the id of an agent.') readonly actor?: string;
  @Optional() @IsInstant() readonly from?: string;
  @Optional() @IsInstant() readonly to?: string;
  @Optional() @IsPlain('A time or a position: the history as it was then.') readonly asOf?: string;
}

@Controller('v1')
export class HistoryController {
  constructor(
    private readonly reading: Reading,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly idKey: IdKey,
  ) {}

  @Get('leads/:id/history')
  @Lists('What happened to a lead', 'LeadHistory', ['not_found'])
  async ofLead(@Param('id') leadId: string, @Query() query: HistoryQuery, @Http() http: Exchange): Promise<object> {
    const { org } = this.door.identify(http.request);
    const { page, filter, reader } = await this.asked(query);
    const past = await pastLeads(reader, org, leadId);
    if (!past) throw await this.reading.missing(http, reader, 'There is no such lead.');
    const found = await this.find(reader, org, { leadId }, page, filter);
    this.reading.tell(http, found.checkpoint);
    const total = await totalOf(query, () => countHistory(reader, { leadId }, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), pastLeads: past, ...total };
  }

  @Get('contacts/:id/history')
  @Lists('What happened to a contact and all its leads', 'ContactHistory', ['not_found'])
  async ofContact(
    @Param('id') contactId: string,
    @Query() query: HistoryQuery,
    @Http() http: Exchange,
  ): Promise<object> {
    const { org } = this.door.identify(http.request);
    const { page, filter, reader } = await this.asked(query);
    const contactKey = contactKeyOf(this.idKey.secret, org, contactId);
    const found = await this.find(reader, org, { contactKey }, page, filter);
    this.reading.tell(http, found.checkpoint);
    if (found.items.length === 0 && !(await knowsContact(reader, contactKey)))
      throw new Problem('not_found', 'There is no such contact.');
    const total = await totalOf(query, () => countHistory(reader, { contactKey }, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  /** All that is asked is checked before anything is looked up. */
  private async asked(
    query: HistoryQuery,
  ): Promise<{ page: PageRequest<HistoryQuery>; filter: HistoryFilter; reader: ViewReader }> {
    const page = pageOf(query, this.clock.now());
    const { type, actor, from, to, asOf } = page.asked;
    const filter: HistoryFilter = {
      types: type === undefined ? null : listed(type),
      actors: actor === undefined ? null : [actorOf(actor)],
      from: instantOf(from)?.at ?? null,
      to: instantOf(to)?.at ?? null,
      asOf: asOf === undefined ? null : await this.reading.asOf(asOf),
    };
    return { page, filter, reader: await this.reading.upTo(leadHistory, query) };
  }

  private find(
    reader: ViewReader,
    org: string,
    of: { leadId: string } | { contactKey: string },
    { asked, slice }: PageRequest<HistoryQuery>,
    filter: HistoryFilter,
  ): Promise<Page<Entry>> {
    const descending = asked.order !== 'asc';
    return history(reader, org, of, filter, { descending, ...slice });
  }
}

/** `<type>:<id>`, or the id of an agent. */
const actorOf = (text: string): string => (/^(agent|service|ai|system):/.test(text) ? text : `agent:${text}`);

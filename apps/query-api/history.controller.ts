import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { deriveContactKey } from '#commands/ids';
import { IdKey } from '#commands/id-key';
import { eventTypes } from '#domain/event-codec';
import { Http, type HttpContext } from '#http/http-context';
import { IsInstant, IsOneOf, IsPlainText, IsListOfValues, splitList, Optional } from '#http/fields';
import { parseInstant } from '#http/instant';
import { ApiList } from '#http/openapi.decorators';
import { ListQuery, nextCursor, parsePageRequest, countIfRequested, type PageRequest } from '#http/paging';
import { Problem } from '#http/problem';
import { ViewReaders } from '#http/view-readers';
import { Authenticator } from '#http/request';
import { leadHistoryView } from '#projections/lead-history/lead-history.projection';
import {
  countHistory,
  listHistory,
  hasContact,
  listPastLeads,
  type HistoryFilter,
  type HistoryEntry,
} from '#projections/lead-history/lead-history.query';
import type { ListPage } from '#projections/page';
import type { ViewReader } from '#read-model/view-store';

export class HistoryQuery extends ListQuery {
  @Optional() @IsOneOf(['asc', 'desc']) readonly order?: string;
  @Optional() @IsListOfValues(eventTypes) readonly type?: string;
  @Optional() @IsPlainText('`<type>:<id>`, or the id of an agent.') readonly actor?: string;
  @Optional() @IsInstant() readonly from?: string;
  @Optional() @IsInstant() readonly to?: string;
  @Optional() @IsPlainText('A time or a position: the history as it was then.') readonly asOf?: string;
}

@Controller('v1')
export class HistoryController {
  constructor(
    private readonly reading: ViewReaders,
    private readonly door: Authenticator,
    private readonly clock: Clock,
    private readonly idKey: IdKey,
  ) {}

  @Get('leads/:id/history')
  @ApiList('What happened to a lead', 'LeadHistory', ['not_found'])
  async ofLead(@Param('id') leadId: string, @Query() query: HistoryQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.door.identify(http.request);
    const { page, filter, reader } = await this.asked(query);
    const past = await listPastLeads(reader, org, leadId);
    if (!past) throw await this.reading.notFound(http, reader, 'There is no such lead.');
    const found = await this.find(reader, org, { leadId }, page, filter);
    this.reading.setPositionHeader(http, found.checkpoint);
    const total = await countIfRequested(query, () => countHistory(reader, { leadId }, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), pastLeads: past, ...total };
  }

  @Get('contacts/:id/history')
  @ApiList('What happened to a contact and all its leads', 'ContactHistory', ['not_found'])
  async ofContact(
    @Param('id') contactId: string,
    @Query() query: HistoryQuery,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { org } = this.door.identify(http.request);
    const { page, filter, reader } = await this.asked(query);
    const contactKey = deriveContactKey(this.idKey.secret, org, contactId);
    const found = await this.find(reader, org, { contactKey }, page, filter);
    this.reading.setPositionHeader(http, found.checkpoint);
    if (found.items.length === 0 && !(await hasContact(reader, contactKey)))
      throw new Problem('not_found', 'There is no such contact.');
    const total = await countIfRequested(query, () => countHistory(reader, { contactKey }, filter));
    return { items: found.items, nextCursor: nextCursor(page, found.last), ...total };
  }

  /** All that is asked is checked before anything is looked up. */
  private async asked(
    query: HistoryQuery,
  ): Promise<{ page: PageRequest<HistoryQuery>; filter: HistoryFilter; reader: ViewReader }> {
    const page = parsePageRequest(query, this.clock.now());
    const { type, actor, from, to, asOf } = page.query;
    const filter: HistoryFilter = {
      types: type === undefined ? null : splitList(type),
      actors: actor === undefined ? null : [actorOf(actor)],
      from: parseInstant(from)?.at ?? null,
      to: parseInstant(to)?.at ?? null,
      asOf: asOf === undefined ? null : await this.reading.parseAsOf(asOf),
    };
    return { page, filter, reader: await this.reading.atLeast(leadHistoryView, query) };
  }

  private find(
    reader: ViewReader,
    org: string,
    of: { leadId: string } | { contactKey: string },
    { query: asked, slice }: PageRequest<HistoryQuery>,
    filter: HistoryFilter,
  ): Promise<ListPage<HistoryEntry>> {
    const descending = asked.order !== 'asc';
    return listHistory(reader, org, of, filter, { descending, ...slice });
  }
}

/** `<type>:<id>`, or the id of an agent. */
const actorOf = (text: string): string => (/^(agent|service|ai|system):/.test(text) ? text : `agent:${text}`);

import { Controller, Get, Param, Query } from '@nestjs/common';
import { Clock } from '#commands/clock';
import { deriveContactKey } from '#commands/ids';
import { IdKey } from '#commands/id-key';
import { splitList } from '#http/fields';
import { Http, type HttpContext } from '#http/http-context';
import { parseInstant } from '#http/instant';
import { ApiList } from '#http/openapi.decorators';
import { nextCursor, parsePageRequest, countIfRequested, type PageRequest } from '#http/paging';
import { Problem } from '#http/problem';
import { Authenticator } from '#http/request';
import { ViewReaders } from '#http/view-readers';
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
import { HistoryQuery } from './history.requests.js';
import { contactHistoryPage, leadHistoryPage } from './history.responses.js';

@Controller('v1')
export class HistoryController {
  constructor(
    private readonly views: ViewReaders,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
    private readonly idKey: IdKey,
  ) {}

  @Get('leads/:id/history')
  @ApiList(
    {
      summary: "Get a lead's history",
      description:
        "Returns the lead's events and the contact's broadcast messages as a timeline, newest first, together with the contact's earlier leads.",
    },
    leadHistoryPage,
    ['not_found'],
  )
  async ofLead(@Param('id') leadId: string, @Query() query: HistoryQuery, @Http() http: HttpContext): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const { page, filter, reader } = await this.parseQuery(query);
    const pastLeads = await listPastLeads(reader, org, leadId);
    if (!pastLeads) throw await this.views.notFound(http, reader, 'There is no such lead.');
    const result = await this.list(reader, org, { leadId }, page, filter);
    this.views.setPositionHeader(http, result.checkpoint);
    const total = await countIfRequested(query, () => countHistory(reader, { leadId }, filter));
    return { items: result.items, nextCursor: nextCursor(page, result.last), pastLeads, ...total };
  }

  @Get('contacts/:id/history')
  @ApiList(
    {
      summary: "Get a contact's history",
      description: 'Returns the events of the contact and of all its leads as a timeline, newest first.',
    },
    contactHistoryPage,
    ['not_found'],
  )
  async ofContact(
    @Param('id') contactId: string,
    @Query() query: HistoryQuery,
    @Http() http: HttpContext,
  ): Promise<object> {
    const { org } = this.authenticator.identify(http.request);
    const { page, filter, reader } = await this.parseQuery(query);
    const contactKey = deriveContactKey(this.idKey.secret, org, contactId);
    const result = await this.list(reader, org, { contactKey }, page, filter);
    this.views.setPositionHeader(http, result.checkpoint);
    if (result.items.length === 0 && !(await hasContact(reader, contactKey)))
      throw new Problem('not_found', 'There is no such contact.');
    const total = await countIfRequested(query, () => countHistory(reader, { contactKey }, filter));
    return { items: result.items, nextCursor: nextCursor(page, result.last), ...total };
  }

  /** Validates the whole query before anything is read. */
  private async parseQuery(
    query: HistoryQuery,
  ): Promise<{ page: PageRequest<HistoryQuery>; filter: HistoryFilter; reader: ViewReader }> {
    const page = parsePageRequest(query, this.clock.now());
    const { type, actor, from, to, asOf } = page.query;
    const filter: HistoryFilter = {
      types: type === undefined ? null : splitList(type),
      actors: actor === undefined ? null : [parseActor(actor)],
      from: parseInstant(from)?.at ?? null,
      to: parseInstant(to)?.at ?? null,
      asOf: asOf === undefined ? null : await this.views.parseAsOf(asOf),
    };
    return { page, filter, reader: await this.views.atLeast(leadHistoryView, query) };
  }

  private list(
    reader: ViewReader,
    org: string,
    subject: { leadId: string } | { contactKey: string },
    { query, slice }: PageRequest<HistoryQuery>,
    filter: HistoryFilter,
  ): Promise<ListPage<HistoryEntry>> {
    return listHistory(reader, org, subject, filter, { descending: query.order !== 'asc', ...slice });
  }
}

const parseActor = (text: string): string => (/^(agent|service|ai|system):/.test(text) ? text : `agent:${text}`);

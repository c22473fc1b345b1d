import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** The methods that each path supports, to distinguish a wrong method from a wrong path. */
export class Routes {
  private readonly routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ url, method }) => {
      if (url.includes('*')) return;
      const route = this.routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
      for (const name of [method].flat()) route.methods.add(name.toUpperCase());
      this.routes.set(url, route);
    });
  }

  /** All routes as `GET /v1/leads/:id`, sorted. */
  list(): readonly string[] {
    return [...this.routes].flatMap(([url, { methods }]) => [...methods].map((method) => `${method} ${url}`)).sort();
  }

  /** Returns a problem if the path exists but does not support the method. */
  findMethodProblem(notFound: boolean, request: FastifyRequest): Problem | undefined {
    if (!notFound) return undefined;
    const path = request.url.split('?', 1)[0] ?? '';
    const routes = [...this.routes.values()].filter(({ pattern }) => pattern.test(path));
    const allowed = [...new Set(routes.flatMap(({ methods }) => [...methods]))].sort();
    if (allowed.length === 0 || allowed.includes(request.method)) return undefined;
    const list = allowed.join(', ');
    return new Problem('method_not_allowed', `This path supports ${list}.`, { allowed }, { allow: list });
  }
}

const toPattern = (url: string): RegExp =>
  new RegExp(`^${url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}/?$`);

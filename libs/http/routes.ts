import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** Which methods each path takes, so that a wrong method is told from a wrong path. */
export class Routes {
  private readonly methods = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ url, method }) => {
      if (url.includes('*')) return;
      const known = this.methods.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      for (const one of [method].flat()) known.methods.add(one.toUpperCase());
      this.methods.set(url, known);
    });
  }

  /** `GET /v1/leads/:id` and the others, sorted. */
  list(): readonly string[] {
    return [...this.methods].flatMap(([url, { methods }]) => [...methods].map((method) => `${method} ${url}`)).sort();
  }

  /** The problem if the path exists and only the method is wrong. */
  findMethodProblem(notFound: boolean, request: FastifyRequest): Problem | undefined {
    if (!notFound) return undefined;
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = [...this.methods.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((it) => [...it.methods]);
    if (allowed.length === 0 || allowed.includes(request.method)) return undefined;
    const list = [...new Set(allowed)].sort().join(', ');
    return new Problem(
      'method_not_allowed',
      `This path takes ${list}.`,
      { allowed: list.split(', ') },
      { allow: list },
    );
  }
}

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}/?$`);

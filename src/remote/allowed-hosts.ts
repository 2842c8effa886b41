import { OperatorError } from '../core/errors.js';

interface Rule {
  /** Undefined for any. */
  readonly host: string | undefined;
  readonly subdomains: boolean;
  readonly port: string | undefined;
}

const RULE =
  /^(?:(?<any>\*)|(?<star>\*\.)?(?<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*))(?::(?<port>\d{1,5}))?$/;
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/**
 * The hosts images may be fetched from: `images.example.com`, `*.example.com` for all below it, `*` for any;
 * a port follows after a colon, and without one only those of http and https will do.
 */
export class AllowedHosts {
  readonly #rules: readonly Rule[];

  /** @throws OperatorError naming the rule that is none */
  constructor(rules: readonly string[]) {
    this.#rules = rules.map((rule) => {
      const { any, star, host, port } = RULE.exec(rule.toLowerCase())?.groups ?? {};
      if (!any && !host) throw new OperatorError(`SAM_URL_SOURCES: ${rule} is not a host`);
      return { host, subdomains: star !== undefined, port };
    });
  }

  has({ protocol, hostname, port }: URL): boolean {
    const name = hostname.replace(/\.$/, '');
    const standard = DEFAULT_PORTS[protocol];
    return this.#rules.some((rule) => {
      // A URL says nothing of the port that is its protocol's.
      if ((port || standard) !== (rule.port ?? standard)) return false;
      if (rule.host === undefined) return true;
      return rule.subdomains ? name.endsWith(`.${rule.host}`) : name === rule.host;
    });
  }
}

import { addresses, duration, oneOf, path, port, text, timeZone } from '../setting.ts';

export const serving = {
  host: text({
    env: 'FORMSTEAD_HOST',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,253}$/,
    format: 'address or host name',
    about: 'Where the API listens.',
  }),
  port: port({ env: 'FORMSTEAD_PORT', default: '8080', about: 'The port of the API.' }),
  tlsCertificateFile: path({
    env: 'FORMSTEAD_TLS_CERTIFICATE_FILE',
    about:
      'Certificate of the API with the chain to its authority, PEM: it serves HTTPS, TLS 1.2 at least, and nothing else. Read again at SIGHUP.',
  }),
  tlsKeyFile: path({ env: 'FORMSTEAD_TLS_KEY_FILE', about: 'The key of that certificate, PEM, without a password.' }),
  trustedProxies: addresses({
    env: 'FORMSTEAD_TRUSTED_PROXIES',
    about: 'Proxies whose `X-Forwarded-For` counts, for rate limits and the audit log alike.',
  }),
  metricsPort: port({
    env: 'FORMSTEAD_METRICS_PORT',
    about:
      'Prometheus metrics at `/metrics` and the health of the process at `/health`, on a port of their own; unset, there are none.',
  }),
  metricsHost: text({
    env: 'FORMSTEAD_METRICS_HOST',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,253}$/,
    format: 'address or host name',
    about: 'Where the metrics listen. They ask for no password.',
  }),
  logLevel: oneOf({
    env: 'FORMSTEAD_LOG_LEVEL',
    values: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    about: 'The least important lines that are logged.',
  }),
  timeZone: timeZone({
    env: 'FORMSTEAD_TIME_ZONE',
    about:
      'Schedules, and the day of a response (analytics, partitions of exports), follow it. A change counts for new responses: the days of those already kept stay.',
  }),
  shutdownGraceMs: duration({
    env: 'FORMSTEAD_SHUTDOWN_GRACE',
    default: '10s',
    max: '10m',
    about: 'How long requests and tasks may finish after SIGTERM.',
  }),
};

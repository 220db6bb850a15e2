import { bytes, flag, integer } from '../setting.ts';

export const limits = {
  rateLimit: flag({
    env: 'FORMSTEAD_RATE_LIMIT',
    default: 'on',
    about: '`off` for load tests. Failed logins are throttled all the same.',
  }),
  responsesPerMinute: integer({
    env: 'FORMSTEAD_RESPONSES_PER_MINUTE',
    default: '60',
    min: 1,
    max: 1000000,
    about: 'Responses from one address to one form.',
  }),
  requestsPerMinute: integer({
    env: 'FORMSTEAD_REQUESTS_PER_MINUTE',
    default: '6000',
    min: 1,
    max: 1000000,
    about: 'Requests from one address; posts of responses are counted apart, to as many.',
  }),
  responseLimitBytes: bytes({
    env: 'FORMSTEAD_RESPONSE_LIMIT',
    default: '256kB',
    min: '1kB',
    max: '16MB',
    about: 'Longest body of a response.',
  }),
  definitionLimitBytes: bytes({
    env: 'FORMSTEAD_DEFINITION_LIMIT',
    default: '1MB',
    min: '1kB',
    max: '16MB',
    about: 'Longest body of a form definition and of every request not named here.',
  }),
  examplesLimitBytes: bytes({
    env: 'FORMSTEAD_EXAMPLES_LIMIT',
    default: '16MB',
    min: '1kB',
    max: '256MB',
    about: 'Longest body of an import of examples.',
  }),
  eventStreams: integer({
    env: 'FORMSTEAD_EVENT_STREAMS',
    default: '200',
    min: 0,
    max: 100000,
    about: 'Event streams that may be open at once in one process.',
  }),
};

import { bytes, duration, oneOf, path, timeOfDay } from '../setting.ts';

export const keeping = {
  dataDir: path({
    env: 'FORMSTEAD_DATA_DIR',
    default: './data',
    about: 'Database, exports, models and generated secrets. One server at a time. No `?` in its path.',
  }),
  diskReserveBytes: bytes({
    env: 'FORMSTEAD_DISK_RESERVE',
    default: '256MB',
    max: '1TB',
    about: 'With less free space responses are refused with 503, so that what is accepted can be worked off.',
  }),
  taskRetentionMs: duration({
    env: 'FORMSTEAD_TASK_RETENTION',
    default: '7d',
    // By the row of the last daily export a later start knows that it was made, and a day may have 25 hours.
    min: '2d',
    max: '3650d',
    about:
      'How long finished tasks can be asked for. A start does not repeat the daily export because the row of the last one is there. Dead letters stay.',
  }),
  idempotencyLifeMs: duration({
    env: 'FORMSTEAD_IDEMPOTENCY_LIFE',
    default: '72h',
    min: '72h',
    max: '365d',
    about: 'How long an idempotency key stands for its first answer.',
  }),
  receiptSignIntervalMs: duration({
    env: 'FORMSTEAD_RECEIPT_SIGN_INTERVAL',
    default: '10s',
    min: '1s',
    max: '1h',
    about: 'How often the head of a growing receipt chain is signed.',
  }),
  exportAt: timeOfDay({ env: 'FORMSTEAD_EXPORT_AT', default: '02:00', about: 'When the daily export begins.' }),
  sqliteSynchronous: oneOf({
    env: 'FORMSTEAD_SQLITE_SYNCHRONOUS',
    values: ['full', 'normal'],
    default: 'full',
    about:
      'Leave it. `normal` loses acknowledged responses in a power cut; it exists to show that the power-cut test notices.',
  }),
};

import type { Result } from 'ioredis';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    /** Counts one hit at `now` in the window of the key: the count, and when the window ends, as text. */
    hit(key: string, now: number, resetAtOfNew: number, keepMs: number): Result<[number, string], Context>;
  }
}

/**
 * In one step, so that no two processes begin a window at once. A clock that stepped back before the window began would keep it open for too long: it
 * starts anew.
 */
export const hitScript = `
local startedAt, resetAt = unpack(redis.call('HMGET', KEYS[1], 'startedAt', 'resetAt'))
local now = tonumber(ARGV[1])
if startedAt and now >= tonumber(startedAt) and now < tonumber(resetAt) then
  return { redis.call('HINCRBY', KEYS[1], 'count', 1), resetAt }
end
redis.call('HSET', KEYS[1], 'startedAt', ARGV[1], 'resetAt', ARGV[2], 'count', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 1, ARGV[2] }
`;

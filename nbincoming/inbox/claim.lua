-- Claims a key and appends its event, in one step. Answers {state, first, anchor}:
-- 0 the key was free or there is none, 1 it is in force.
--
-- KEYS: the key's place ("" for none is not allowed in a cluster, so the stream again),
--       the stream of events.
-- ARGV: has a claim, now, window, moves the anchor, is wanted, the event's fields.
local first, anchor = false, false
local now, window = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] == '1' then
  local held = redis.call('HMGET', KEYS[1], 'f', 'a')
  first, anchor = held[1], held[2]
  if anchor and now - tonumber(anchor) <= window then
    if ARGV[4] == '1' and now > tonumber(anchor) then
      redis.call('HSET', KEYS[1], 'a', ARGV[2])
      redis.call('PEXPIRE', KEYS[1], ARGV[6])
    end
    return {1, first, anchor}
  end
  redis.call('HSET', KEYS[1], 'f', ARGV[2], 'a', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
end
if ARGV[5] == '1' then
  redis.call('XADD', KEYS[2], '*', unpack(ARGV, 7))
end
return {0, '', ''}

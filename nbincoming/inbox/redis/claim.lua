-- Claims a key and appends its event, in one step. Returns {1, first, anchor} for a duplicate,
-- otherwise {0, '', ''}.
--
-- KEYS: the deduplication key (the stream again if there is no claim, because a cluster allows no
--       empty name), the stream of events.
-- ARGV: has a claim, now, window, moves the anchor, is wanted, time to keep the key, the event's
--       fields.
local place, stream = KEYS[1], KEYS[2]
local claims, moves, wanted = ARGV[1] == '1', ARGV[4] == '1', ARGV[5] == '1'
local now, window = tonumber(ARGV[2]), tonumber(ARGV[3])
if claims then
  local held = redis.call('HMGET', place, 'f', 'a')
  local first, anchor = held[1], held[2]
  if anchor and now - tonumber(anchor) <= window then
    if moves and now > tonumber(anchor) then
      redis.call('HSET', place, 'a', ARGV[2])
      redis.call('PEXPIRE', place, ARGV[6])
    end
    return {1, first, anchor}
  end
end
-- The event is appended first, since a script that fails undoes nothing: a key without its event
-- would make the retry a duplicate, and the event would be lost.
if wanted then
  redis.call('XADD', stream, '*', unpack(ARGV, 7))
end
if claims then
  redis.call('HSET', place, 'f', ARGV[2], 'a', ARGV[2])
  redis.call('PEXPIRE', place, ARGV[6])
end
return {0, '', ''}

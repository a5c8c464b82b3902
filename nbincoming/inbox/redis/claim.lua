-- Claims a key and appends its event, in one step. Answers {state, first, anchor}:
-- 0 the key was free or there is none, 1 it is in force.
--
-- KEYS: the key's place (the stream again where nothing is claimed: a cluster allows no empty
--       name), the stream of events.
-- ARGV: has a claim, now, window, moves the anchor, is wanted, how long to keep the key,
--       the event's fields.
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
-- The event first: what fails in a script undoes nothing, and a key without its event would
-- have the sender told that it had been accepted.
if wanted then
  redis.call('XADD', stream, '*', unpack(ARGV, 7))
end
if claims then
  redis.call('HSET', place, 'f', ARGV[2], 'a', ARGV[2])
  redis.call('PEXPIRE', place, ARGV[6])
end
return {0, '', ''}

-- Counts a guess under several names at once, or refuses it. KEYS: the names.
-- ARGV: the time in seconds, then for each name: free guesses, first pause, longest pause, seconds until forgotten.
-- Returns as text: above 0, the seconds to wait (nothing is counted); 0, go on; below 0, go on, the next one waits.
local now = tonumber(ARGV[1])
local wait = 0
for _, name in ipairs(KEYS) do
  wait = math.max(wait, tonumber(redis.call('HGET', name, 'until') or '0') - now)
end
if wait > 0 then return tostring(wait) end
local longest_pause = 0
for place, name in ipairs(KEYS) do
  local at = 4 * (place - 1) + 1
  local free, first, longest, forget = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local over = redis.call('HINCRBY', name, 'count', 1) - tonumber(free)
  if over >= 0 then
    -- The exponent is limited: no number grows without end.
    local pause = math.min(tonumber(first) * 2 ^ math.min(over, 30), tonumber(longest))
    redis.call('HSET', name, 'until', tostring(now + pause))
    longest_pause = math.max(longest_pause, pause)
  end
  redis.call('EXPIRE', name, forget)
end
return tostring(-longest_pause)

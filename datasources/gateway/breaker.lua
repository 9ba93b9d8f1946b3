-- One key's circuit breaker: one script, so that of all who ask at that moment one is the probe.
-- KEYS: 1 failures in a row, 2 how often it opened since the last answer, 3 the pause, 4 the probe under way.
-- ARGV: the operation, then its arguments. What passes with time are keys that expire, by Redis' clock; times are ms.
local failures, openings, pause, probe = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local FORGET_AFTER = 3600000 -- nobody has asked for so long: as if nothing had been

-- The next pause is twice as long as the one before; its length.
local function open(first, longest, jitter)
  local n = redis.call('INCR', openings)
  local length = math.floor(math.min(first * 2 ^ math.min(n - 1, 20), longest) * jitter)
  redis.call('DEL', failures, probe)
  redis.call('SET', pause, 1, 'PX', length)
  redis.call('PEXPIRE', openings, length + FORGET_AFTER)
  return length
end

local function is_open() return redis.call('EXISTS', openings) == 1 end

-- lost_after, patience: 0 to ask, -1 to ask as the probe, else the ms to wait.
local function enter(lost_after, patience)
  if not is_open() then return 0 end
  local left = redis.call('PTTL', pause)
  if left > 0 then return left end
  if redis.call('SET', probe, 1, 'NX', 'PX', lost_after) then return -1 end
  return patience
end

-- at_most, and what `open` takes: the length of the pause that begins, 0 when none does.
local function failed(at_most, first, longest, jitter)
  if is_open() then return 0 end -- under way when it opened: nothing new
  if redis.call('INCR', failures) >= at_most then return open(first, longest, jitter) end
  redis.call('PEXPIRE', failures, FORGET_AFTER)
  return 0
end

local function numbers() return tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]) end

if ARGV[1] == 'enter' then return enter(numbers()) end
if ARGV[1] == 'failed' then return failed(numbers()) end
if ARGV[1] == 'probe failed' then return open(numbers()) end
if ARGV[1] == 'probe learnt nothing' then return redis.call('DEL', probe) end
local was_open = is_open() and 1 or 0
redis.call('DEL', failures, openings, pause, probe)
return was_open

-- The budget of one key: one script, so that a call is taken from it in one step, whoever else takes at that moment.
-- KEYS: 1 the window, 2 calls under way, 3 calls of each person in this window, 4 when each person last asked.
-- ARGV: the operation, then its arguments, '' where unknown. Redis' clock is the only one used; times are ms.
local window_key, calls_key, people_key, asked_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local LOST_AFTER = 30000     -- a call under way longer than this was lost with its process
local FIRST_CALLS = 5        -- under way at once while nothing is known: others may have used up the window
local SAME_WINDOW = 2000     -- windows are told by their end; headers round to seconds
local ACTIVE = 15000         -- who asked within this time is somebody to be fair to
local WANTS = 4000           -- a lane that was told to wait counts as wanting until then, and this much longer
local PATIENCE = 2000        -- to wait where nothing but others' calls decides
local FREE_AT_END = 0.15     -- the last part of a window, in which nothing is held back any more
local NEWCOMER = 0.2         -- of the limit, held for somebody who has not asked yet
local LANES = {'person', 'link', 'watch', 'copy', 'table', 'spare'}
-- Whole tables: 'table' has what 'copy' leaves of its share, 'spare' only what would go to waste.
local SHARES = {person = 0.75, link = 0.12, watch = 0.08, copy = 0.05, table = 0.05, spare = 0}

local function number(field) return tonumber(redis.call('HGET', window_key, field) or '') end
local function used(lane) return number('used:' .. lane) or 0 end
local function count(what)
  local minute = window_key .. ':minute:' .. math.floor(now / 60000)
  redis.call('HINCRBY', minute, what, 1)
  redis.call('EXPIRE', minute, 7200)
end

redis.call('ZREMRANGEBYSCORE', calls_key, '-inf', now - LOST_AFTER)
local limit, remaining, reset = number('limit'), number('remaining'), number('reset_ms')
local length, closed = number('length_ms') or 60000, number('closed_ms') or 0
if reset and now >= reset then
  remaining, reset = limit, nil
  redis.call('DEL', people_key)
  redis.call('HDEL', window_key, 'reset_ms')
  for _, lane in ipairs(LANES) do redis.call('HDEL', window_key, 'used:' .. lane) end
  if limit then redis.call('HSET', window_key, 'remaining', limit) else redis.call('HDEL', window_key, 'remaining') end
end
local under_way = redis.call('ZCARD', calls_key)

-- How much of what is held back is held still: all at a window's start, nothing in its last part.
local function hold()
  if not reset then return 1 end
  return math.max(0, math.min(1, ((reset - now) / length - FREE_AT_END) / (1 - FREE_AT_END)))
end

local function wants(lane) return (number('wants:' .. lane) or 0) > now end

-- What is left of a lane's share, as another one sees it. Tables and the rest of copying have one share, of which the
-- rest goes first: tables leave all of it to the rest, used or not, and claim nothing while the rest waits.
local function open_of(lane, seen_by)
  local share, had = SHARES[lane] * limit, used(lane)
  if lane == 'copy' then
    if seen_by == 'table' then return share end
    had = had + used('table')
  elseif lane == 'table' then
    if seen_by == 'copy' or wants('copy') or (seen_by ~= lane and not wants(lane)) then return 0 end
    had = had + used('copy')
  end
  return math.max(0, share - had)
end

-- What one lane keeps for the others: all of their shares while they wait for it, else for those above it what is held,
-- and while somebody above it waits also for those below: they may come yet, and then those above would have to pay.
-- Where the shares of those that wait come to more than is left, each gets less alike; else they would wait for each other.
local function kept_for_lanes(lane, left)
  local owed, held, own, above, is_waited_above = 0, 0, 0, true, false
  for _, other in ipairs(LANES) do
    local open = open_of(other, lane)
    if other == lane then
      own, above = open, false
    elseif wants(other) then
      owed, is_waited_above = owed + open, is_waited_above or above
    elseif above or is_waited_above then
      held = held + open
    end
  end
  if owed + own > left then owed = math.floor(owed * left / (owed + own)) end
  return owed, held
end

local function is_waited_for()
  for _, lane in ipairs(LANES) do if wants(lane) then return true end end
  return false
end

-- What one person leaves to the others who are there, and to one who may come: the same share for each. Where that and
-- the person's own share come to more than is left, each gets less alike; else nobody could take what was held for them.
local function kept_for_people(person, left)
  redis.call('ZREMRANGEBYSCORE', asked_key, '-inf', now - ACTIVE)
  redis.call('ZADD', asked_key, now, person)
  redis.call('PEXPIRE', asked_key, ACTIVE)
  local others = redis.call('ZRANGE', asked_key, 0, -1)
  local together = limit
  for _, lane in ipairs(LANES) do
    local has_share = lane ~= 'person' and not (lane == 'table' and wants('copy'))
    if has_share and wants(lane) then together = together - SHARES[lane] * limit end
  end
  local fair = together / (#others + 1)
  local kept, own = math.min(fair, NEWCOMER * limit), 0
  for _, other in ipairs(others) do
    local open = math.max(0, fair - (tonumber(redis.call('HGET', people_key, other) or '') or 0))
    if other == person then own = open else kept = kept + open end
  end
  if kept + own > left then kept = kept * left / (kept + own) end
  return kept
end

-- For how long a call that is refused now should wait: `lacks` calls are missing, of `held` that are let go with time.
local function wait_for(lacks, left, owed, held)
  if not reset then return 250 end
  if left < 1 then return reset - now end
  local wait = PATIENCE
  if left - owed >= 1 then
    wait = math.min(lacks / held * (1 - FREE_AT_END) * length, math.max(reset - FREE_AT_END * length - now, 0))
  end
  return math.min(math.max(math.ceil(wait), 100), reset - now)
end

-- ticket, lane, person: 0 when the call may be made, else the ms to wait.
local function take(ticket, lane, person)
  if closed > now then return closed - now end
  local left = (remaining or FIRST_CALLS) - under_way
  local owed, held, spared = 0, 0, 0
  -- Nobody is ever told to wait for a spare call, and one person more can come until the last part of a window.
  if lane == 'spare' then
    if is_waited_for() then return PATIENCE end
    if limit and hold() > 0 then spared = NEWCOMER * limit end
  end
  -- The call that opens a window costs nobody anything.
  if left >= 1 and remaining and (reset or under_way > 0) then
    owed, held = kept_for_lanes(lane, left)
    if lane == 'person' and person ~= '' then held = held + kept_for_people(person, left) end
  end
  local lacks = 1 - (left - owed - math.max(held * hold(), spared))
  if lacks > 0 then
    local wait = wait_for(lacks, left, owed, held)
    if lane == 'spare' then return math.max(wait, PATIENCE) end
    redis.call('HSET', window_key, 'wants:' .. lane, math.max(now + wait + WANTS, number('wants:' .. lane) or 0))
    redis.call('EXPIRE', window_key, 86400)
    count('held')
    return wait
  end
  redis.call('ZADD', calls_key, now, ticket)
  redis.call('PEXPIRE', calls_key, LOST_AFTER)
  redis.call('HINCRBY', window_key, 'used:' .. lane, 1)
  if person ~= '' then
    redis.call('HINCRBY', people_key, person, 1)
    redis.call('EXPIRE', people_key, 86400)
  end
  count(lane)
  return 0
end

-- ticket, limit, remaining, ms to the reset, ms closed after a refusal, the plan's limit.
-- Answers {1 when this refusal is news, 1 when the budget became low or ceased to be}.
local function settle(ticket, said_limit, said_remaining, said_reset, closed_for, plan)
  local started = tonumber(redis.call('ZSCORE', calls_key, ticket) or now)
  redis.call('ZREM', calls_key, ticket)
  limit = said_limit or limit or plan
  if said_remaining then
    local ends = said_reset and (now + said_reset) or reset or (now + length)
    if reset and ends < reset - SAME_WINDOW then
      -- an answer of the window before, late: it says nothing about this one
    elseif reset and remaining and ends <= reset + SAME_WINDOW then
      remaining = math.min(remaining, said_remaining)
    else
      -- Only the first answer of a window tells how long windows are.
      if said_reset and said_remaining >= limit - under_way then length = math.max(said_reset, 1000) end
      remaining, reset = said_remaining, ends
    end
  else
    -- no headers: count our own calls against the plan's limit
    remaining = (remaining or limit) - 1
    reset = reset or (started + length)
  end
  remaining = math.max(remaining or limit, 0)
  redis.call('HSET', window_key, 'limit', limit, 'remaining', remaining, 'length_ms', length)
  if reset then redis.call('HSET', window_key, 'reset_ms', reset) end
  local news = 0
  if closed_for then
    news = closed > now and 0 or 1
    redis.call('HSET', window_key, 'closed_ms', now + closed_for)
    count('refused')
  end
  local low = (closed_for or remaining < limit / 5) and 1 or 0
  local was_low = number('low') or 0
  redis.call('HSET', window_key, 'low', low)
  redis.call('EXPIRE', window_key, 86400)
  return {news, low ~= was_low and 1 or 0}
end

-- {limit, calls left, ms to the end of the window or of the refusal}; false while nothing is known.
local function look()
  if not limit then return false end
  local ends = math.max(reset or 0, closed)
  local left = (closed > now) and 0 or math.max(0, (remaining or limit) - under_way)
  return {limit, left, ends > now and (ends - now) or 0}
end

if ARGV[1] == 'take' then return take(ARGV[2], ARGV[3], ARGV[4]) end
if ARGV[1] == 'settle' then
  return settle(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))
end
return look()

-- Says which worker has a partition, and what Redis has of it, unless something else was said meanwhile. All
-- times are by this Redis's own clock, so that nobody compares the clocks of two machines.
--
-- KEYS[1] partition -> JSON of its claim, as `PartitionClaim` describes it
-- ARGV[1] partition   ARGV[2] the claim that the caller believes is there, "" for none
-- ARGV[3] its new claim, JSON but for the times and the epoch   ARGV[4] milliseconds for which it counts
-- ARGV[5] for how many milliseconds more than what Redis shows has been committed
-- ARGV[6] since when all of it is readable: "" not, "now", or a time
-- ARGV[7] the epoch of the caller, 0 to begin a new one   ARGV[8] an epoch that a new one has to be above
-- Answers the claim that is there afterwards, "" for none, and the time.
local there = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function number(value) return string.format('%.0f', value) end
if there ~= ARGV[2] then return {there, number(now_ms)} end
local epoch = tonumber(ARGV[7])
if epoch == 0 then
    -- Greater than any before: also where the claims were lost, or where this clock has been put back.
    local known, claim = pcall(cjson.decode, there)
    local last = known and type(claim) == 'table' and tonumber(claim.epoch) or 0
    epoch = math.max(now_ms, last + 1, tonumber(ARGV[8]) + 1)
end
local readable = ARGV[6]
if readable == '' then readable = 'null' elseif readable == 'now' then readable = number(now_ms) end
local claim = string.sub(ARGV[3], 1, -2)
    .. ',"epoch":' .. number(epoch)
    .. ',"as_of_ms":' .. number(now_ms - tonumber(ARGV[5]))
    .. ',"expires_at_ms":' .. number(now_ms + tonumber(ARGV[4]))
    .. ',"readable_since_ms":' .. readable .. '}'
redis.call('HSET', KEYS[1], ARGV[1], claim)
return {claim, number(now_ms)}

-- Shows what a push in slices has staged: the copies take the place of the keys, in one step.
--
-- KEYS[1] fences   KEYS[2] holders   KEYS[3] latest   KEYS[4] staging   as `push.lua` describes them
-- KEYS[5…] the values of each partition; then every view that a slice has copied
-- ARGV[1] JSON: source, stage = {token, number of slices},
--         partitions: {number, epoch, offsets, fence, previous, count, watermark, as_of}
--
-- Answers, for each partition in turn, "ok" and its fence, or "broken" and "" when not all slices were taken.
local call, decode = redis.call, cjson.decode
local STATES, MOST_ARGUMENTS = 4, 2000
local message = decode(ARGV[1])
local partitions, verdicts = message.partitions, {}

local token, slices = unpack(call('HMGET', KEYS[4], 'token', 'slice'))
if token ~= message.stage[1] or tonumber(slices) ~= message.stage[2] then
    for place = 1, #partitions do verdicts[2 * place - 1], verdicts[2 * place] = 'broken', '' end
    if token == message.stage[1] then call('DEL', KEYS[4]) end
    return verdicts
end
for index = 1, STATES + #partitions do
    local type = call('TYPE', KEYS[index]).ok
    if type ~= 'hash' and type ~= 'none' then
        return redis.error_reply('WRONGTYPE ' .. KEYS[index] .. ' holds a ' .. type .. ', not a hash; delete it')
    end
end

local function in_parts(command, key, values)
    for first = 1, #values, MOST_ARGUMENTS do
        call(command, key, unpack(values, first, math.min(first + MOST_ARGUMENTS - 1, #values)))
    end
end
local function show(key)
    local copy = key .. ':next'
    if call('EXISTS', copy) == 1 then
        call('RENAME', copy, key)
        call('PERSIST', key)
    else
        call('DEL', key)
    end
end
show(KEYS[2])
show(KEYS[3])
for index = STATES + #partitions + 1, #KEYS do show(KEYS[index]) end
local fences = {'source', message.source}
for place, partition in ipairs(partitions) do
    local key, number = KEYS[STATES + place], partition[1]
    local staged, states, gone = call('HGETALL', key .. ':next'), {}, {}
    for at = 1, #staged, 2 do
        if staged[at + 1] == '' then
            gone[#gone + 1] = staged[at]
        else
            states[#states + 1], states[#states + 2] = staged[at], staged[at + 1]
        end
    end
    in_parts('HSET', key, states)
    in_parts('HDEL', key, gone)
    call('DEL', key .. ':next')
    fences[#fences + 1], fences[#fences + 2] = number, partition[4]
    fences[#fences + 1], fences[#fences + 2] = number .. ':views', call('HLEN', key)
    fences[#fences + 1], fences[#fences + 2] = number .. ':watermark', partition[7]
    fences[#fences + 1], fences[#fences + 2] = number .. ':as_of', partition[8]
    verdicts[2 * place - 1], verdicts[2 * place] = 'ok', partition[4]
end
call('HSET', KEYS[1], unpack(fences))
call('DEL', KEYS[4])
return verdicts

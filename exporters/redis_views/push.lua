-- Takes what one partition has to say about one journey, and keeps the totals over all partitions.
--
-- Each call is one atomic step. The partition's own absolute values are kept as JSON, view by view; a
-- total changes by the difference to what the partition had said before. So totals are at any moment the
-- sum of what the partitions said last, whatever was repeated, lost or put back from an old dump.
--
-- KEYS[1] fences: partition -> "<sequence> <token>", "<partition>:views" -> how many it holds,
--         "source" -> whose log the partitions come from
-- KEYS[2] holders: view -> number of partitions that have it
-- KEYS[3] latest: view -> JSON {field: {partition: "value"}} of the fields whose total is the greatest value
-- KEYS[4] the partition's own values: view -> JSON {field: value}, money as text
-- KEYS[5…] the hash of each view of the message; the hash of the step as well where a view is its histogram
-- ARGV[1] JSON: partition, source, sequence, fence, previous, count, watermark, as_of, views
--         previous: the fence that must be there, or false to go on from any that is not later (a full push)
--         count: the number of views that the partition must hold afterwards (a full push ends), or false
--         views: {name, kind, key, step key or false, changes or false, removed}; changes = {fields,
--         differences, money fields, differences, {latest field: value} or false}; false asks to compare
-- ARGV[2…] the new JSON of each view
--
-- Answers {"ok"}, or without having written anything: {"stale", fence there}: a later state is there;
-- {"unknown", fence there}: not what the caller pushed last; {"foreign", source}; {"damaged", view}.
local call, decode, encode, format = redis.call, cjson.decode, cjson.encode, string.format
local GAMMA, STARTS, RATIOS, PERCENTILES = @GAMMA@, cjson.decode([==[@STARTS@]==]), cjson.decode([==[@RATIOS@]==]), cjson.decode([==[@PERCENTILES@]==])
local MOST_ARGUMENTS = 2000
local message = decode(ARGV[1])
local partition = message.partition

local function in_parts(command, key, values, result)
    for first = 1, #values, MOST_ARGUMENTS do
        local last = math.min(first + MOST_ARGUMENTS - 1, #values)
        local part = call(command, key, unpack(values, first, last))
        if result then
            for index = 1, #part do result[first + index - 1] = part[index] end
        end
    end
    return result
end

-- Exact sums of decimals: digits in limbs of 15, each with the sign of the number.
local LIMB, WIDTH = 1e15, 15
local function limbs_of(sign, digits)
    local limbs = {}
    for last = #digits, 1, -WIDTH do
        local limb = tonumber(string.sub(digits, math.max(1, last - WIDTH + 1), last))
        limbs[#limbs + 1] = sign == '-' and -limb or limb
    end
    return limbs
end
local function carried(limbs, factor)
    local digits, carry = {}, 0
    for index = 1, #limbs do
        local value = factor * limbs[index] + carry
        carry = math.floor(value / LIMB)
        digits[index] = format('%015.0f', value - carry * LIMB)
    end
    if carry > 0 then digits[#digits + 1] = format('%.0f', carry) end
    return carry < 0, digits
end
local function add_money(decimal, units)
    local sign, whole, fraction = string.match(decimal, '^(%-?)(%d+)%.?(%d*)$')
    local sum = limbs_of(sign, whole .. fraction .. string.rep('0', 9 - #fraction))
    local addend = limbs_of(string.match(units, '^(%-?)(%d+)$'))
    for index = 1, #addend do sum[index] = (sum[index] or 0) + addend[index] end
    local negative, parts = carried(sum, 1)
    if negative then
        local _
        _, parts = carried(sum, -1)
    end
    local digits = {}
    for index = #parts, 1, -1 do digits[#digits + 1] = parts[index] end
    digits = string.rep('0', 10) .. table.concat(digits)
    whole = string.gsub(string.sub(digits, 1, -10), '^0+', '')
    fraction = string.gsub(string.sub(digits, -9), '0+$', '')
    return (negative and '-' or '') .. (whole == '' and '0' or whole) .. (fraction == '' and '' or '.' .. fraction)
end
local function later(one, other)
    return other and other > one and other or one
end
local function negated(units)
    return string.sub(units, 1, 1) == '-' and string.sub(units, 2) or '-' .. units
end

-- The shortest plain decimal that reads back as the same double.
local function ratio(over, under)
    if under <= 0 then return '' end
    local value = over / under
    if value == 0 then return '0' end
    local places = -math.floor(math.log10(math.abs(value)))
    for digits = 15, 18 do
        local text = format('%.' .. math.max(0, digits + places - 1) .. 'f', value)
        if tonumber(text) == value or digits == 18 then
            if string.find(text, '.', 1, true) then text = string.gsub(string.gsub(text, '0+$', ''), '%.$', '') end
            return text
        end
    end
end

-- What changed from the old JSON of a view to the new, in the form of `changes`.
local function compare(old, new)
    if old == new then return {{}, {}, {}, {}, false} end
    old, new = old and decode(old) or {}, decode(new)
    local fields, differences, money, amounts, latest = {}, {}, {}, {}, {}
    local function note(field, before, after)
        if before == after then return end
        if type(before or after) == 'string' then
            if before then money[#money + 1], amounts[#amounts + 1] = field, negated(before) end
            if after then money[#money + 1], amounts[#amounts + 1] = field, after end
        elseif string.find(field, '^[^:]+_at_ms$') then
            latest[field] = after or 0
        else
            fields[#fields + 1], differences[#differences + 1] = field, (after or 0) - (before or 0)
        end
    end
    for field, value in pairs(new) do note(field, old[field], value) end
    for field, value in pairs(old) do
        if new[field] == nil then note(field, value, nil) end
    end
    return {fields, differences, money, amounts, next(latest) and latest or false}
end

-- Who pushed last.
local there = call('HMGET', KEYS[1], 'source', partition, partition .. ':views')
local fence = there[2] or ''
if there[1] and there[1] ~= message.source then return {'foreign', there[1]} end
if fence == message.fence then return {'ok'} end
if tonumber(string.match(fence, '^%d+') or 0) > message.sequence then return {'stale', fence} end
if message.previous and fence ~= message.previous then return {'unknown', fence} end
local held = call('HLEN', KEYS[4])
if held ~= tonumber(there[3] or held) then return {'damaged', KEYS[4]} end

-- Read everything that is needed, and only then write.
local views, asked = message.views, {}
for _, view in ipairs(views) do
    if not view[5] then asked[#asked + 1] = view[1] end
end
local states = in_parts('HMGET', KEYS[4], asked, {})
local holders = in_parts('HMGET', KEYS[2], asked, {})
local at_asked = 0
for index, view in ipairs(views) do
    local kind, key = view[2], KEYS[view[3]]
    view.changes, view.was_held = view[5], true
    if not view[5] then
        at_asked = at_asked + 1
        local state = states[at_asked]
        view.was_held, view.is_new = state and true or false, not holders[at_asked]
        if state and view.is_new then return {'damaged', view[1]} end
        view.changes = compare(state, ARGV[index + 1])
        held = held + (view[6] and 0 or 1) - (state and 1 or 0)
    end
    local fields, differences, position = view.changes[1], view.changes[2], {}
    for at = 1, #fields do position[fields[at]] = at end
    local function need(field)
        if not position[field] then
            fields[#fields + 1], differences[#differences + 1] = field, 0
            position[field] = #fields
        end
    end
    view.ratios = {}
    for name, parts in pairs(RATIOS[kind] or {}) do
        if position[parts[1]] or position[parts[2]] then
            need(parts[1])
            need(parts[2])
            view.ratios[name] = {position[parts[1]], position[parts[2]]}
        end
    end
    view.has_latest = view.changes[5] or (kind == 'journey' and position.active_entries)
    if view.has_latest then
        need('active_entries')
        view.active = position.active_entries
    end
    -- The totals of `fields`, then the money, then what every hash of the kind has.
    local money, wanted = view.changes[3], {}
    for at = 1, #fields do wanted[at] = fields[at] end
    for at = 1, #money do wanted[#wanted + 1] = money[at] end
    wanted[#wanted + 1] = kind == 'dwell' and 'count' or 'watermark'
    wanted[#wanted + 1] = 'as_of'
    view.totals = view.is_new and {} or in_parts('HMGET', key, wanted, {})
    view.watermark, view.as_of = view.totals[#wanted - 1], view.totals[#wanted]
    if not view.is_new and not view.watermark then return {'damaged', view[1]} end
end
if message.count and held ~= message.count then return {'unknown', fence} end

local function greatest(view, set)
    local known = call('HGET', KEYS[3], view[1])
    local by_field, changed = known and decode(known) or {}, view.changes[5]
    for field, value in pairs(changed or {}) do
        by_field[field] = by_field[field] or {}
        by_field[field][partition] = value > 0 and format('%.0f', value) or nil
    end
    for field, values in pairs(by_field) do
        local most = 0
        for _, value in pairs(values) do most = math.max(most, tonumber(value)) end
        if field == 'open_entries_closes_at_ms' and view.totals[view.active] > 0 then most = 0 end
        set[#set + 1], set[#set + 2] = field, most > 0 and format('%.0f', most) or ''
    end
    if changed then call('HSET', KEYS[3], view[1], encode(by_field)) end
end

local function percentiles(key, step_key)
    if call('EXISTS', step_key) == 0 then return end
    local all, counts, least, most, count = call('HGETALL', key), {}, math.huge, 0, 0
    for index = 1, #all, 2 do
        local bucket, amount = tonumber(all[index]), tonumber(all[index + 1])
        if bucket then
            counts[bucket], count = amount, count + amount
            least, most = math.min(least, bucket), math.max(most, bucket)
        end
    end
    local set = {'dwell_count', count}
    for _, wanted in ipairs(PERCENTILES) do
        local text = ''
        if count > 0 then
            local rank, bucket = math.max(1, math.ceil(count * wanted[2] / 100)), least
            while true do
                rank = rank - (counts[bucket] or 0)
                if rank <= 0 or bucket >= most then break end
                bucket = bucket + 1
            end
            local stay = bucket <= 0 and 0 or 2 * GAMMA ^ (bucket - 1) / (GAMMA + 1)
            text = string.gsub(string.gsub(format('%.3f', stay), '0+$', ''), '%.$', '')
        end
        set[#set + 1], set[#set + 2] = wanted[1], text
    end
    call('HSET', step_key, unpack(set))
end

local new_states, gone = {}, {}
for index, view in ipairs(views) do
    local kind, key, fields, differences = view[2], KEYS[view[3]], view.changes[1], view.changes[2]
    local set, unset, totals = {}, {}, view.totals
    if view.is_new and not view[6] then
        call('DEL', key)
        call('HDEL', KEYS[3], view[1])
        for field, value in pairs(STARTS[kind]) do set[#set + 1], set[#set + 2] = field, value end
    end
    for at = 1, #fields do
        local field, total = fields[at], (totals[at] or 0) + differences[at]
        totals[at] = total
        if total == 0 and (kind == 'dwell' and field ~= 'count' or string.find(field, ':', 1, true)) then
            unset[#unset + 1] = field
        else
            set[#set + 1], set[#set + 2] = field, total
        end
    end
    local amounts = {}
    for at, field in ipairs(view.changes[3]) do
        amounts[field] = add_money(amounts[field] or totals[#fields + at] or '0', view.changes[4][at])
    end
    for field, amount in pairs(amounts) do
        if amount == '0' then
            unset[#unset + 1] = field
        else
            set[#set + 1], set[#set + 2] = field, amount
        end
    end
    for name, at in pairs(view.ratios) do
        set[#set + 1], set[#set + 2] = name, ratio(totals[at[1]], totals[at[2]])
    end
    if view.has_latest then greatest(view, set) end
    if kind ~= 'dwell' and (#set > 0 or #unset > 0) then
        set[#set + 1], set[#set + 2] = 'watermark', later(message.watermark, view.watermark)
        set[#set + 1], set[#set + 2] = 'as_of', later(message.as_of, view.as_of)
    end
    in_parts('HDEL', key, unset)
    in_parts('HSET', key, set)
    if view[6] then
        gone[#gone + 1] = view[1]
        if view.was_held and call('HINCRBY', KEYS[2], view[1], -1) <= 0 then
            call('HDEL', KEYS[2], view[1])
            call('HDEL', KEYS[3], view[1])
            call('DEL', key)
        end
    else
        new_states[#new_states + 1], new_states[#new_states + 2] = view[1], ARGV[index + 1]
        if not view.was_held then call('HINCRBY', KEYS[2], view[1], 1) end
    end
    if view[4] and (#set > 0 or #unset > 0) then percentiles(key, KEYS[view[4]]) end
end
in_parts('HSET', KEYS[4], new_states)
in_parts('HDEL', KEYS[4], gone)
call('HSET', KEYS[1], 'source', message.source, partition, message.fence, partition .. ':views', held,
    partition .. ':watermark', message.watermark, partition .. ':as_of', message.as_of)
return {'ok'}

-- Takes what some partitions of one worker have to say about one journey, and keeps the totals over all
-- partitions.
--
-- What a partition said last is kept as JSON, view by view; a total changes by the difference to that. So totals
-- are at any moment the sum of what the partitions said last, whatever was repeated, lost or put back from an
-- old dump. A push of few views is one call, one atomic step. One of many comes in slices, each a call that
-- writes to copies beside the keys, and is shown by `swap.lua` in one step; meanwhile the journey is its own.
--
-- KEYS[1] fences: partition -> "<epoch> <offsets> <token>", "<partition>:views" -> how many it holds,
--         "source" -> whose log the partitions come from
-- KEYS[2] holders: view -> number of partitions that have it
-- KEYS[3] latest: view -> JSON {field: {partition: "value"}} of the fields whose total is the greatest value
-- KEYS[4] staging: of the push in slices that is under way: "token", "slice" -> the last that was taken,
--         "<partition>:views" -> how many it will hold; Redis forgets it when it does not come to its end
-- KEYS[5…] for each partition of the message its own values: view -> JSON {field: value}, money as text;
--         then the hashes of the views that the message names by number
-- ARGV[1] JSON: source, watermark, as_of, partitions, views, stage
--         partitions: {number, epoch, offsets, fence, previous, count, watermark, as_of}
--           offsets: the vector of the state that is pushed: {topic: next offset}
--           previous: the fence that must be there, or false to go on from any that is not later
--           count: the number of views that the partition must hold afterwards (a full push ends), or false
--         views: {name, kind, key, step key or false, changes or false, parts}
--           changes = {fields, differences, money fields, differences, {latest field: {partition: value}} or
--           false}, of all parts that are not to be compared
--           parts: {place of the partition, place of the new JSON in ARGV, compare, removed}; `compare` asks to
--           find the changes here, from the JSON that is there
--         stage: false, or {token, number of the slice, milliseconds that it may wait for the next, numbers of
--           the keys that no slice before has copied}
--
-- Answers, for each partition in turn, a verdict and the fence there: "ok" for all when the call is done (now
-- or before), "staged" for all when the slice was taken. Otherwise nothing was written: "stale": a later state
-- is there; "superseded": a later owner's is; "unknown": not what the caller pushed last; "foreign": from
-- another log; "damaged": a part is lost; "busy": a push in slices is under way; "broken": a slice before this
-- was not taken; "ready": could have been taken. A key that holds no hash is an error, before anything is written.
local call, decode, encode, format = redis.call, cjson.decode, cjson.encode, string.format
local GAMMA, STARTS, RATIOS, PERCENTILES = @GAMMA@, cjson.decode([==[@STARTS@]==]), cjson.decode([==[@RATIOS@]==]), cjson.decode([==[@PERCENTILES@]==])
local MOST_ARGUMENTS = 2000
local message = decode(ARGV[1])
local partitions, views, stage = message.partitions, message.views, message.stage

for index = 1, #KEYS do
    local type = call('TYPE', KEYS[index]).ok
    if type ~= 'hash' and type ~= 'none' then
        return redis.error_reply('WRONGTYPE ' .. KEYS[index] .. ' holds a ' .. type .. ', not a hash; delete it')
    end
end

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

@MONEY@
local function later(one, other)
    return other and other > one and other or one
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

-- Adds what changed from the old JSON of a view to the new.
local function compare(changes, position, number, old, new)
    if old == new then return end
    old, new = old and decode(old) or {}, decode(new)
    local fields, differences, money, amounts = changes[1], changes[2], changes[3], changes[4]
    local function note(field, before, after)
        if before == after then return end
        if type(before or after) == 'string' then
            if before then money[#money + 1], amounts[#amounts + 1] = field, negated(before) end
            if after then money[#money + 1], amounts[#amounts + 1] = field, after end
        elseif string.find(field, '^[^:]+_at_ms$') then
            changes[5] = changes[5] or {}
            changes[5][field] = changes[5][field] or {}
            changes[5][field][number] = after or 0
        else
            local at = position[field]
            if not at then
                at = #fields + 1
                fields[at], differences[at], position[field] = field, 0, at
            end
            differences[at] = differences[at] + (after or 0) - (before or 0)
        end
    end
    for field, value in pairs(new) do note(field, old[field], value) end
    for field, value in pairs(old) do
        if new[field] == nil then note(field, value, nil) end
    end
end

-- Whether the offsets in a fence are not later than those of a push, in any topic.
local function is_reached(fence_offsets, offsets)
    for topic, offset in string.gmatch(fence_offsets, '([^=,]+)=(%d+)') do
        if tonumber(offset) > (offsets[topic] or 0) then return false end
    end
    return true
end
-- Whether a push's offsets are not later than those in a fence, in any topic.
local function is_covered(fence_offsets, offsets)
    local known = {}
    for topic, offset in string.gmatch(fence_offsets, '([^=,]+)=(%d+)') do known[topic] = tonumber(offset) end
    for topic, offset in pairs(offsets) do
        if offset > (known[topic] or 0) then return false end
    end
    return true
end

-- Who pushed last.
local STATES = 4
local asked = {'source'}
for _, partition in ipairs(partitions) do
    asked[#asked + 1], asked[#asked + 2] = partition[1], partition[1] .. ':views'
end
local there = call('HMGET', KEYS[1], unpack(asked))
local verdicts, ready, done = {}, 0, 0
local function answer_all(verdict)
    for place = 1, #partitions do verdicts[2 * place - 1] = verdict end
    return verdicts
end
local function refused()
    -- What was staged of this push is of no use any more.
    if stage and call('HGET', KEYS[4], 'token') == stage[1] then call('DEL', KEYS[4]) end
    return verdicts
end
local function refuse(place, verdict)
    verdicts[2 * place - 1] = verdict
    return refused()
end
for place, partition in ipairs(partitions) do
    local fence, verdict = there[2 * place] or '', 'ready'
    local epoch, offsets = string.match(fence, '^(%d+) (%S+) ')
    epoch, offsets = tonumber(epoch or 0), offsets or ''
    if there[1] and there[1] ~= message.source then
        verdict = 'foreign'
    elseif fence == partition[4] then
        verdict, done = 'ok', done + 1
    elseif epoch > partition[2] then
        verdict = 'superseded'
    elseif not is_reached(offsets, partition[3]) and (epoch == partition[2] or is_covered(offsets, partition[3])) then
        verdict = 'stale'
    elseif partition[5] and fence ~= partition[5] then
        verdict = 'unknown'
    else
        ready = ready + 1
    end
    verdicts[2 * place - 1], verdicts[2 * place] = verdict, fence
end
if done == #partitions then return verdicts end
if ready < #partitions then return refused() end

-- A push in slices has the journey for itself.
local token, slice = unpack(call('HMGET', KEYS[4], 'token', 'slice'))
if not stage or stage[2] == 1 then
    if token and not (stage and token == stage[1]) then return answer_all('busy') end
elseif token ~= stage[1] or tonumber(slice) ~= stage[2] - 1 then
    answer_all('broken')
    return refused()
end
for place, partition in ipairs(partitions) do
    if stage and stage[2] > 1 then
        partition.held = tonumber(call('HGET', KEYS[4], partition[1] .. ':views'))
    else
        partition.held = call('HLEN', KEYS[STATES + place])
        if partition.held ~= tonumber(there[2 * place + 1] or partition.held) then return refuse(place, 'damaged') end
    end
end

-- The keys to write to: those of the journey, or copies of them.
local keys = {}
for index = 1, #KEYS do keys[index] = stage and index > 1 and index ~= 4 and KEYS[index] .. ':next' or KEYS[index] end
if stage then
    for _, index in ipairs(stage[4]) do
        call('DEL', keys[index])
        local is_state = index > STATES and index <= STATES + #partitions
        if not is_state and call('EXISTS', KEYS[index]) == 1 then
            call('COPY', KEYS[index], keys[index])
            call('PEXPIRE', keys[index], 10 * stage[3])
        end
    end
end

-- Read everything that is needed, and only then write.
local wanted, wanted_of = {}, {}
for _, view in ipairs(views) do
    local compared = false
    for _, part in ipairs(view[6]) do
        if part[3] then
            compared = true
            wanted_of[part[1]] = wanted_of[part[1]] or {}
            table.insert(wanted_of[part[1]], view[1])
        end
    end
    if compared then wanted[#wanted + 1] = view[1] end
end
local states, holders = {}, {}
for place, names in pairs(wanted_of) do
    states[place] = {}
    for at, state in ipairs(in_parts('HMGET', KEYS[STATES + place], names, {})) do states[place][names[at]] = state end
end
for at, count in ipairs(in_parts('HMGET', keys[2], wanted, {})) do holders[wanted[at]] = count end
for _, view in ipairs(views) do
    local name, kind, key, parts = view[1], view[2], keys[view[3]], view[6]
    local changes, position = view[5] or {{}, {}, {}, {}, false}, {}
    local fields, differences, money = changes[1], changes[2], changes[3]
    for at = 1, #fields do position[fields[at]] = at end
    view.changes, view.is_new = changes, #parts > 0
    for _, part in ipairs(parts) do
        local partition = partitions[part[1]]
        if part[3] then
            local state = states[part[1]][name]
            part.was_held = state and true or false
            if state and not holders[name] then return refuse(part[1], 'damaged') end
            if holders[name] then view.is_new = false end
            compare(changes, position, partition[1], state, ARGV[part[2]])
            partition.held = partition.held + (part[4] and 0 or 1) - (state and 1 or 0)
        else
            part.was_held, view.is_new = true, false
        end
    end
    local function need(field)
        if not position[field] then
            fields[#fields + 1], differences[#differences + 1] = field, 0
            position[field] = #fields
        end
        return position[field]
    end
    view.ratios = {}
    for ratio_name, inputs in pairs(RATIOS[kind] or {}) do
        if position[inputs[1]] or position[inputs[2]] then
            view.ratios[ratio_name] = {need(inputs[1]), need(inputs[2])}
        end
    end
    view.active = (changes[5] or kind == 'journey' and position.open_active_entries)
        and need('open_active_entries')
    -- The totals of `fields`, then the money, then what every hash of the kind has.
    local names = {}
    for at = 1, #fields do names[at] = fields[at] end
    for at = 1, #money do names[#names + 1] = money[at] end
    names[#names + 1] = kind == 'dwell' and 'count' or 'watermark'
    names[#names + 1] = 'as_of'
    view.totals = view.is_new and {} or in_parts('HMGET', key, names, {})
    view.watermark, view.as_of = view.totals[#names - 1], view.totals[#names]
    if not view.is_new and not view.watermark then return refuse(parts[1][1], 'damaged') end
end
for place, partition in ipairs(partitions) do
    if partition[6] and partition.held ~= partition[6] then return refuse(place, 'unknown') end
end

local function greatest(view, set)
    local known = call('HGET', keys[3], view[1])
    local by_field, changed = known and decode(known) or {}, view.changes[5]
    for field, value in pairs(changed or {}) do
        by_field[field] = by_field[field] or {}
        for partition, at_ms in pairs(value) do
            by_field[field][partition] = at_ms > 0 and format('%.0f', at_ms) or nil
        end
    end
    for field, values in pairs(by_field) do
        local most = 0
        for _, value in pairs(values) do most = math.max(most, tonumber(value)) end
        if field == 'open_entries_closes_at_ms' and view.totals[view.active] > 0 then most = 0 end
        set[#set + 1], set[#set + 2] = field, most > 0 and format('%.0f', most) or ''
    end
    if changed then call('HSET', keys[3], view[1], encode(by_field)) end
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
for place = 1, #partitions do new_states[place], gone[place] = {}, {} end
for _, view in ipairs(views) do
    local name, kind, key, changes, totals = view[1], view[2], keys[view[3]], view.changes, view.totals
    local fields, differences, set, unset = changes[1], changes[2], {}, {}
    if view.is_new and not view[6][1][4] then
        call('DEL', key)
        call('HDEL', keys[3], name)
        for _, start in ipairs(STARTS[kind]) do set[#set + 1], set[#set + 2] = start[1], start[2] end
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
    for at, field in ipairs(changes[3]) do
        amounts[field] = add_money(amounts[field] or totals[#fields + at] or '0', changes[4][at])
    end
    for field, amount in pairs(amounts) do
        if amount == '0' then
            unset[#unset + 1] = field
        else
            set[#set + 1], set[#set + 2] = field, amount
        end
    end
    for ratio_name, at in pairs(view.ratios) do
        set[#set + 1], set[#set + 2] = ratio_name, ratio(totals[at[1]], totals[at[2]])
    end
    if view.active then greatest(view, set) end
    local changed = #set > 0 or #unset > 0
    if kind ~= 'dwell' and changed then
        set[#set + 1], set[#set + 2] = 'watermark', later(message.watermark, view.watermark)
        set[#set + 1], set[#set + 2] = 'as_of', later(message.as_of, view.as_of)
    end
    in_parts('HDEL', key, unset)
    in_parts('HSET', key, set)
    for _, part in ipairs(view[6]) do
        if part[4] then
            table.insert(gone[part[1]], name)
            if part.was_held and call('HINCRBY', keys[2], name, -1) <= 0 then
                call('HDEL', keys[2], name)
                call('HDEL', keys[3], name)
                call('DEL', key)
            end
        else
            local list = new_states[part[1]]
            list[#list + 1], list[#list + 2] = name, ARGV[part[2]]
            if not part.was_held then call('HINCRBY', keys[2], name, 1) end
        end
    end
    if view[4] and changed then percentiles(key, keys[view[4]]) end
end
if stage then
    local staged = {'token', stage[1], 'slice', stage[2]}
    for place, partition in ipairs(partitions) do
        for _, name in ipairs(gone[place]) do
            local list = new_states[place]
            list[#list + 1], list[#list + 2] = name, ''
        end
        in_parts('HSET', keys[STATES + place], new_states[place])
        staged[#staged + 1], staged[#staged + 2] = partition[1] .. ':views', partition.held
    end
    call('HSET', KEYS[4], unpack(staged))
    call('PEXPIRE', KEYS[4], stage[3])
    -- Should nothing come after this slice, it is forgotten, and some time later its copies go as well.
    for index = 2, #keys do
        if index ~= 4 then call('PEXPIRE', keys[index], 10 * stage[3]) end
    end
    return answer_all('staged')
end
local fences = {'source', message.source}
for place, partition in ipairs(partitions) do
    local number = partition[1]
    in_parts('HSET', keys[STATES + place], new_states[place])
    in_parts('HDEL', keys[STATES + place], gone[place])
    fences[#fences + 1], fences[#fences + 2] = number, partition[4]
    fences[#fences + 1], fences[#fences + 2] = number .. ':views', partition.held
    fences[#fences + 1], fences[#fences + 2] = number .. ':watermark', partition[7]
    fences[#fences + 1], fences[#fences + 2] = number .. ':as_of', partition[8]
    verdicts[2 * place - 1] = 'ok'
end
call('HSET', KEYS[1], unpack(fences))
return verdicts

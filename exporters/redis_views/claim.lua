-- Says which worker has a partition, for `wayfold serve` to ask.
--
-- KEYS[1] partition -> JSON of its owner: worker, url, sequence, watermark, as_of, expires_at_ms, complete
-- ARGV[1] partition   ARGV[2] JSON   ARGV[3] worker   ARGV[4] now, milliseconds   ARGV[5] "take" or "keep"
-- "take" (a new assignment) always wins; "keep" (a heartbeat) gives way to another worker's living claim.
-- Answers "" or the JSON of that other claim.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and ARGV[5] == 'keep' then
    local claim = cjson.decode(there)
    if claim.worker ~= ARGV[3] and claim.expires_at_ms > tonumber(ARGV[4]) then return there end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return ''

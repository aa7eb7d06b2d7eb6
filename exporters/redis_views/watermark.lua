-- Keeps an account's watermark: the greatest that any partition of this log has said.
--
-- KEYS[1] source -> whose log, watermark_ms -> milliseconds UTC
-- ARGV[1] source   ARGV[2] the watermark of the caller, -1 for none
-- Answers the greatest.
local source, known = unpack(redis.call('HMGET', KEYS[1], 'source', 'watermark_ms'))
if source ~= ARGV[1] then known = '-1' end
if tonumber(ARGV[2]) <= tonumber(known or -1) then return known end
redis.call('HSET', KEYS[1], 'source', ARGV[1], 'watermark_ms', ARGV[2])
return ARGV[2]

-- Says which worker has a partition, and what Redis has of it, unless something else was said meanwhile.
--
-- KEYS[1] partition -> JSON of its claim, as `PartitionClaim` describes it
-- ARGV[1] partition   ARGV[2] the claim that the caller believes is there, "" for none   ARGV[3] its new claim
-- Answers the claim that is there afterwards, "" for none.
local there = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if there ~= ARGV[2] then return there end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return ARGV[3]

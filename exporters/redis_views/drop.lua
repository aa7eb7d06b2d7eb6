-- Takes away everything that stands about one journey but its definitions, because a part of it is lost
-- or comes from another log; every worker then finds its fence gone and pushes in full again.
--
-- KEYS[1] fences   KEYS[2] holders   KEYS[3] latest   KEYS[4] staging   KEYS[5…] every other key of the journey
-- ARGV[1] the start that all keys share
-- A push in slices that is under way is not shown.
-- Answers 1, or 0 without having done anything when a key was not named.
local named = {}
for index = 1, #KEYS do named[KEYS[index]] = true end
for _, view in ipairs(redis.call('HKEYS', KEYS[2])) do
    if not named[ARGV[1] .. ':' .. view] then return 0 end
end
for _, partition in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.find(partition, '^%d+$') and not named[ARGV[1] .. ':state:' .. partition] then return 0 end
end
for index = 1, #KEYS do redis.call('DEL', KEYS[index]) end
return 1
